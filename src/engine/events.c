/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - see events.h. */
#include "engine/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include <contexe.h>
#include "engine/handle.h"

#define MAX_JOURNAL (8 << 20)

void event_write(const struct root *root, const char *type, const char *name, unsigned number,
		 const char *id, const char *extra)
{
	char time[TIMESTAMP_SIZE];
	CLEANUP_BUF struct buf line = BUF_INIT;
	buf_printf(&line, "{\"time\":\"%s\",\"type\":\"%s\",\"name\":\"%s\"",
		   timestamp_format(timestamp_now(), time), type, name);
	if (number)
		buf_printf(&line, ",\"number\":%u", number);
	if (id)
		buf_printf(&line, ",\"id\":\"%s\"", id);
	buf_printf(&line, "%s%s}\n", extra ? "," : "", extra ? extra : "");
	CLEANUP_FD int fd = openat(root->fd, "events",
				   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fd_write_all(fd, buf_str(&line), line.len) < 0)
		return;
	if (lseek(fd, 0, SEEK_CUR) > MAX_JOURNAL &&
	    renameat(root->fd, "events", root->fd, "events.1") < 0)
		return;
}

/* ---- reading ---- */

struct reader {
	const char *name;
	uint64_t since, until;
	int (*fn)(void *arg, const char *json);
	void *arg;
};

/* The members are written by event_write() alone, so finding them as text is safe. */
static int pass_line(const struct reader *r, char *line)
{
	uint64_t time = 0;
	char *t = strstr(line, "\"time\":\"");
	if (t) {
		char stamp[TIMESTAMP_SIZE];
		(void)snprintf(stamp, sizeof(stamp), "%.30s", t + 8);
		if (timestamp_parse(stamp, &time) < 0)
			time = 0;
	}
	if ((r->since && time < r->since) || (r->until && time > r->until))
		return 0;
	if (r->name) {
		char want[160];
		(void)snprintf(want, sizeof(want), "\"name\":\"%s\"", r->name);
		if (!strstr(line, want))
			return 0;
	}
	return r->fn(r->arg, line);
}

/* Reads to the end of what is there; an unfinished last line is left for later. */
static int pass_file(const struct reader *r, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	int stop = 0;
	for (;;) {
		long at = ftell(f);
		ssize_t n = getline(&line, &cap, f);
		if (n <= 0)
			break;
		if (line[n - 1] != '\n') {
			(void)fseek(f, at, SEEK_SET);
			break;
		}
		line[n - 1] = '\0';
		stop = pass_line(r, line);
		if (stop)
			break;
	}
	free(line);
	clearerr(f);
	return stop;
}

static FILE *open_journal(const struct root *root, const char *name)
{
	int fd = openat(root->fd, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

static int follow(const struct reader *r, const struct root *root, FILE **f, struct error *err)
{
	CLEANUP_FD int notify = inotify_init1(IN_CLOEXEC);
	if (notify < 0 ||
	    inotify_add_watch(notify, root->path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0)
		return error_sys(err, errno, "cannot watch the journal of events");
	for (;;) {
		int stop = *f ? pass_file(r, *f) : 0;
		if (stop)
			return 0;
		struct stat now, at;
		if (!*f || (fstatat(root->fd, "events", &now, 0) == 0 &&
			    fstat(fileno(*f), &at) == 0 && now.st_ino != at.st_ino)) {
			if (*f)
				fclose(*f);
			*f = open_journal(root, "events"); /* it was rotated */
			if (*f)
				continue;
		}
		if (r->until && timestamp_now() > r->until)
			return 0;
		struct pollfd p = { .fd = notify, .events = POLLIN };
		char drop[4096];
		int n = poll(&p, 1, r->until ? 200 : -1);
		if (n < 0 && errno != EINTR)
			return error_sys(err, errno, "cannot wait for events");
		if (n > 0 && read(notify, drop, sizeof(drop)) < 0 && errno != EINTR)
			return error_sys(err, errno, "cannot wait for events");
	}
}

int contexe_events(struct contexe *cx, const char *ref, bool following, uint64_t since,
		   uint64_t until, int (*fn)(void *arg, const char *json), void *arg,
		   struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	const struct root *root = cx->root;
	struct reader r = { .name = ref, .since = since, .until = until, .fn = fn, .arg = arg };
	CLEANUP_STR char *by_number = NULL;
	uint64_t number;
	if (ref && parse_u64(ref, 1, UINT32_MAX, &number) == 0) {
		by_number = root_name_of_number(root, (unsigned)number);
		if (by_number)
			r.name = by_number;
	}
	FILE *old = open_journal(root, "events.1");
	int stop = old ? pass_file(&r, old) : 0;
	if (old)
		fclose(old);
	FILE *f = stop ? NULL : open_journal(root, "events");
	int result = 0;
	if (!stop && following)
		result = follow(&r, root, &f, err);
	else if (f)
		(void)pass_file(&r, f);
	if (f)
		fclose(f);
	return result;
}
