/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll.c - epoll(7): what is watched, for which events, with which data; nested ones too.
 *
 * The kernel knows a watched thing by (open file, descriptor number at EPOLL_CTL_ADD): that number may since have been closed, or be
 * another file's. So the open file is looked for when all are known (epoll_target.h); and on restore it is put at that very number
 * while it is added.
 *
 * A one-shot watch that has fired is disabled: the kernel has no call to add one so. It is added and made to fire once
 * more, alone; this needs it to be readable or writable at that moment. If it is neither, it stays armed for hang-up
 * and error only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "checkpoint/kind/epoll_target.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"

struct watch {
	int32_t number; /* of the descriptor when it was added */
	uint64_t file;	/* id of the open file */
	uint32_t events;
	uint64_t data;
	uint64_t ino; /* dump only */
};

struct epoll_record {
	struct list watches;
};

static const struct field watch_fields[] = {
	FIELD(struct watch, number, I32),
	FIELD(struct watch, file, U64),
	FIELD(struct watch, events, U32, .optional = true),
	FIELD(struct watch, data, U64, .optional = true),
	FIELDS_END,
};

static const struct field fields[] = {
	FIELD(struct epoll_record, watches, LIST, .optional = true, .max = 1 << 24,
	      .fields = watch_fields, .size = sizeof(struct watch)),
	FIELDS_END,
};

/* "tfd:        7 events:       19 data:                7  pos:0 ino:1f sdev:d" */
static int parse(const char *line, const char *end, struct watch *ret)
{
	uint64_t number, events;
	if (fdinfo_number(line, end, "tfd:", 10, &number) < 0 ||
	    fdinfo_number(line, end, "events:", 16, &events) < 0 ||
	    fdinfo_number(line, end, "data:", 16, &ret->data) < 0 ||
	    fdinfo_number(line, end, "ino:", 16, &ret->ino) < 0)
		return -EPROTO;
	ret->number = (int32_t)number;
	ret->events = (uint32_t)events;
	return 0;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct epoll_record *rec = record;
	struct watch *v = NULL, w;
	size_t n = 0;
	const char *line, *next = f->info;
	while ((line = fdinfo_line(next, "tfd:", &next))) {
		w = (struct watch){ 0 };
		if (parse(line, next, &w) < 0)
			return error_set(err, EPROTO, "%s: fdinfo is not understood",
					 file_name(c, f));
		*arena_push(c->arena, v, n) = w;
	}
	rec->watches = (struct list){ .v = v, .n = n };
	return 0;
}

static int settle(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	(void)err;
	struct epoll_record *rec = record;
	struct watch *v = rec->watches.v;
	size_t n = rec->watches.n;
	struct epoll_target *targets = xcalloc(n, sizeof(*targets));
	for (size_t i = 0; i < n; i++)
		targets[i] = (struct epoll_target){ .number = v[i].number, .ino = v[i].ino };
	epoll_target_find(c, f->fd, targets, n);
	size_t missing = n;
	for (size_t i = 0; i < n; i++) {
		v[i].file = targets[i].file;
		if (!v[i].file && missing == n)
			missing = i;
	}
	free(targets);
	if (missing == n)
		return 0;
	const char *why = arena_printf(
		c->arena,
		"it watches a file (added as descriptor %d) that nobody in the container holds",
		v[missing].number);
	return file_refuse(c, f, why,
			   "close the copies of that file outside, or the epoll descriptor");
}

/* ---- restore ---- */

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	(void)flags;
	(void)record;
	int fd = epoll_create1(EPOLL_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "epoll_create1(2)") : fd;
}

#define MODIFIERS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

static bool is_disabled(const struct watch *w)
{
	return w->events & EPOLLONESHOT && !(w->events & ~MODIFIERS);
}

/* Once the watched file is at the number that it was added as. */
static int add(int epoll, int number, const void *arg)
{
	const struct watch *w = arg;
	struct epoll_event ev = { .events = w->events, .data.u64 = w->data }, fired;
	if (!is_disabled(w))
		return epoll_ctl(epoll, EPOLL_CTL_ADD, number, &ev) < 0 ? -errno : 0;
	ev.events |= EPOLLIN | EPOLLOUT | EPOLLPRI;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, number, &ev) < 0)
		return -errno;
	if (epoll_wait(epoll, &fired, 1, 0) == 1)
		return 0;
	ev.events = w->events;
	return epoll_ctl(epoll, EPOLL_CTL_MOD, number, &ev) < 0 ? -errno : 0;
}

/* Those that must be made to fire alone come first. */
static int add_all(struct holder *h, int epoll, const struct epoll_record *rec, bool disabled,
		   struct error *err)
{
	const struct watch *v = rec->watches.v;
	for (size_t i = 0; i < rec->watches.n; i++) {
		if (is_disabled(&v[i]) != disabled)
			continue;
		int fd = holder_fd(h, v[i].file, err);
		int r = fd < 0		  ? fd
			: v[i].number < 0 ? -EBADF
					  : epoll_target_at(epoll, fd, v[i].number, add, &v[i]);
		if (r < 0)
			return fd < 0 ? r
				      : error_sys(err, -r, "cannot watch descriptor %d again",
						  v[i].number);
	}
	return 0;
}

/* All or none: nothing may be added twice when we are called again. */
static int wait_for_late(struct holder *h, const struct epoll_record *rec, struct error *err)
{
	const struct watch *v = rec->watches.v;
	for (size_t i = 0; i < rec->watches.n; i++) {
		int fd = holder_fd(h, v[i].file, err);
		if (fd < 0)
			return fd;
	}
	return 0;
}

static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	(void)id;
	const struct epoll_record *rec = record;
	int r = wait_for_late(h, rec, err);
	if (r < 0)
		return r;
	/* numbers may lie above what we are allowed for ourselves */
	struct rlimit before, all;
	bool raised = getrlimit(RLIMIT_NOFILE, &before) == 0;
	all = (struct rlimit){ .rlim_cur = before.rlim_max, .rlim_max = before.rlim_max };
	raised = raised && setrlimit(RLIMIT_NOFILE, &all) == 0;
	r = add_all(h, fd, rec, true, err);
	if (r == 0)
		r = add_all(h, fd, rec, false, err);
	if (raised)
		(void)setrlimit(RLIMIT_NOFILE, &before);
	return r;
}

static void describe(const void *record, struct buf *out)
{
	const struct epoll_record *rec = record;
	const struct watch *v = rec->watches.v;
	buf_printf(out, "watches %zu:", rec->watches.n);
	for (size_t i = 0; i < rec->watches.n && i < 8; i++)
		buf_printf(out, " %d", v[i].number);
	if (rec->watches.n > 8)
		buf_puts(out, " ...");
}

static const struct file_match matches[] = { { FILE_ANON, "eventpoll" },
					     { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_epoll = {
	.name = "epoll",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct epoll_record),
	.collect = collect,
	.settle = settle,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
