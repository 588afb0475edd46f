/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - the writing half. See log.h. */
#include "engine/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/timestamp.h"

struct log {
	int dir, fd;
	uint64_t size, max, lost;
	bool open_line[3]; /* the stream's last record was partial */
};

struct log *log_new(int dir, uint64_t max)
{
	struct log *log = xcalloc(1, sizeof(*log));
	log->dir = dir;
	log->fd = FD_NONE;
	log->max = max ? max : LOG_MAX_DEFAULT;
	return log;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	fd_close(log->fd);
	free(log);
}

static bool log_open(struct log *log)
{
	if (log->fd >= 0 && log->size >= log->max) {
		if (renameat(log->dir, "log", log->dir, "log.1") < 0)
			return false;
		log->fd = fd_close(log->fd);
	}
	if (log->fd < 0) {
		struct stat st;
		log->fd = openat(log->dir, "log",
				 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	}
	return log->fd >= 0;
}

static void put(struct log *log, struct buf *out)
{
	if (!log_open(log)) {
		log->lost += out->len;
		return;
	}
	uint64_t before = log->size;
	int r = fd_write_all(log->fd, buf_str(out), out->len);
	if (r < 0) {
		log->lost += out->len;
		if (ftruncate(log->fd, (off_t)before) < 0) /* no half lines */
			log->size += out->len;
	} else {
		log->size += out->len;
	}
}

void log_write(struct log *log, int stream, const void *data, size_t size)
{
	char time[TIMESTAMP_SIZE];
	CLEANUP_BUF struct buf out = BUF_INIT;
	const char *p = data;

	timestamp_format(timestamp_now(), time);
	if (log->lost && log->fd >= 0) {
		buf_printf(&out,
			   "%s stderr F contexe: %" PRIu64 " bytes of the log were lost: no room\n",
			   time, log->lost);
		log->lost = 0;
	}
	while (size > 0) {
		const char *end = memchr(p, '\n', size);
		size_t n = end ? (size_t)(end - p) : size;
		buf_printf(&out, "%s %s %c ", time, stream == 2 ? "stderr" : "stdout",
			   end ? 'F' : 'P');
		buf_add(&out, p, n);
		buf_putc(&out, '\n');
		log->open_line[stream] = !end;
		if (log->size + out.len >= log->max) { /* the next record goes into a new file */
			put(log, &out);
			out.len = 0;
		}
		n += end != NULL;
		p += n;
		size -= n;
	}
	if (out.len)
		put(log, &out);
}

void log_flush(struct log *log)
{
	for (int stream = 1; stream <= 2; stream++)
		log->open_line[stream] = false;
}
