/* SPDX-License-Identifier: Apache-2.0 */
/* logs.c - the reading half of log.h: what a container wrote. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "engine/container.h"
#include "engine/handle.h"

typedef int log_fn(void *arg, enum contexe_stream stream, uint64_t time, const char *text,
		   size_t size, bool partial);

struct log_reader {
	uint64_t since, until;
	log_fn *fn; /* NULL: only count lines */
	void *arg;
	long skip; /* lines still to be left out, for tail */
	long lines;
};

/* "TIME stream F text": false when it is no record of ours. */
static bool split(char *line, size_t n, uint64_t *ret_time, enum contexe_stream *ret_stream,
		  bool *ret_partial, char **ret_text)
{
	char *stream = memchr(line, ' ', n);
	char *tag = stream ? strchr(stream + 1, ' ') : NULL;
	if (!tag || tag[1] == '\0' || tag[2] != ' ')
		return false;
	*stream = '\0';
	bool ok = timestamp_parse(line, ret_time) == 0;
	*stream++ = ' ';
	*ret_stream = str_has_prefix(stream, "stderr") ? CONTEXE_STDERR : CONTEXE_STDOUT;
	*ret_partial = tag[1] == 'P';
	*ret_text = tag + 3;
	return ok;
}

static int pass_record(struct log_reader *r, char *line, size_t n)
{
	uint64_t time;
	enum contexe_stream stream;
	bool partial;
	char *text;
	if (!split(line, n, &time, &stream, &partial, &text) || (r->since && time < r->since) ||
	    (r->until && time > r->until))
		return 0;
	if (r->skip > 0) {
		r->skip -= !partial;
		return 0;
	}
	r->lines += !partial;
	return r->fn ? r->fn(r->arg, stream, time, text, n - (size_t)(text - line), partial) : 0;
}

static int pass_records(struct log_reader *r, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	int stop = 0;
	for (;;) {
		off_t at = ftello(f);
		ssize_t n = getline(&line, &cap, f);
		if (n <= 0)
			break;
		if (line[n - 1] != '\n') { /* still being written */
			(void)fseeko(f, at, SEEK_SET);
			break;
		}
		line[--n] = '\0';
		stop = pass_record(r, line, (size_t)n);
		if (stop)
			break;
	}
	free(line);
	clearerr(f);
	return stop;
}

static FILE *open_log(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

static int pass_file(struct log_reader *r, int dir, const char *name)
{
	FILE *f = open_log(dir, name);
	int stop = f ? pass_records(r, f) : 0;
	if (f)
		fclose(f);
	return stop;
}

static bool rotated(int dir, FILE *f)
{
	struct stat now, at;
	return fstatat(dir, "log", &now, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fileno(f), &at) == 0 &&
	       now.st_ino != at.st_ino;
}

/* Until fn stops it, or the container has ended and everything was passed on. */
static int follow(struct container *c, struct log_reader *r, struct error *err)
{
	char path[64];
	CLEANUP_FD int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", c->dir);
	if (notify < 0 ||
	    inotify_add_watch(notify, path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO) <
		    0)
		return error_sys(err, errno, "cannot watch the log");
	IGNORE_RESULT(pidref_is_set(&c->supervisor) ? pidref_open(&c->supervisor) : 0);
	FILE *f = NULL;
	for (int stop = 0; !stop;) {
		if (!f)
			f = open_log(c->dir, "log");
		bool ended = c->supervisor.pidfd < 0 || !pidref_alive(&c->supervisor);
		stop = f ? pass_records(r, f) : 0;
		if (!stop && f && rotated(c->dir, f)) {
			fclose(f);
			f = NULL;
			continue;
		}
		if (stop || ended)
			break;
		struct pollfd p[2] = { { .fd = notify, .events = POLLIN },
				       { .fd = c->supervisor.pidfd, .events = POLLIN } };
		char drop[4096];
		if (poll(p, 2, r->until ? 200 : -1) < 0 && errno != EINTR)
			break;
		while (read(notify, drop, sizeof(drop)) > 0)
			;
		if (r->until && timestamp_now() > r->until)
			break;
	}
	if (f)
		fclose(f);
	return 0;
}

int contexe_logs(struct contexe *cx, const char *ref, bool following, uint64_t since,
		 uint64_t until, long tail, log_fn *fn, void *arg, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, err);
	if (r < 0)
		return r;
	struct log_reader reader = { .since = since, .until = until, .arg = arg };
	if (tail >= 0) {
		if (pass_file(&reader, c->dir, "log.1") == 0)
			IGNORE_RESULT(pass_file(&reader, c->dir, "log"));
		reader.skip = reader.lines > tail ? reader.lines - tail : 0;
	}
	reader.fn = fn;
	if (pass_file(&reader, c->dir, "log.1"))
		return 0;
	if (following)
		return follow(c, &reader, err);
	IGNORE_RESULT(pass_file(&reader, c->dir, "log"));
	return 0;
}
