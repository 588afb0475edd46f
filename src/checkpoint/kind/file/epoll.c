/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll.c - epoll(7): what is watched, for which events, with which data; nested ones too.
 *
 * The kernel knows a watched thing by (open file, descriptor number at EPOLL_CTL_ADD): that number may since have been closed, or be
 * another file's. So the open file is found by asking kcmp(2) KCMP_EPOLL_TFD about each open file of the
 * container with that inode, when all are known; and on restore it is put at that very number while it is added.
 *
 * A one-shot watch that has fired is disabled: the kernel has no call to add one so. It is added and made to fire once
 * more, alone; this needs it to be readable or writable at that moment. If it is neither, it stays armed for hang-up
 * and error only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"

struct watch {
	int32_t number; /* of the descriptor when it was added */
	uint64_t file;	/* id of the open file */
	uint32_t events;
	uint64_t data;
	/* dump only */
	uint64_t ino;
	uint32_t nth; /* among watches of the same number */
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

/* Lines come by (file, number): those of one number need not be neighbours, but keep their order. */
static int by_number(const void *a, const void *b)
{
	const struct watch *x = *(struct watch *const *)a, *y = *(struct watch *const *)b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void count_same_numbers(struct watch *v, size_t n)
{
	struct watch **sorted = xcalloc(n, sizeof(struct watch *));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &v[i];
	qsort(sorted, n, sizeof(struct watch *), by_number);
	for (size_t i = 1; i < n; i++)
		if (sorted[i]->number == sorted[i - 1]->number)
			sorted[i]->nth = sorted[i - 1]->nth + 1;
	free(sorted);
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
	if (n)
		count_same_numbers(v, n);
	rec->watches = (struct list){ .v = v, .n = n };
	return 0;
}

/* ---- which open files are watched ---- */

struct candidate {
	uint64_t ino;
	const struct object *file;
};

static int by_ino(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static bool is_watched(int epoll, const struct watch *w, const struct object *file)
{
	struct kcmp_epoll_slot slot = { .efd = (unsigned)epoll,
					.tfd = (unsigned)w->number,
					.toff = w->nth };
	pid_t self = getpid();
	return syscall(SYS_kcmp, self, self, KCMP_EPOLL_TFD, file->fd, &slot) == 0;
}

static bool held_at(const struct object *file, int number)
{
	for (size_t i = 0; i < file->n_holders; i++)
		if (file->holders[i].number == number)
			return true;
	return false;
}

/* Those that a task has at the same number first: all anonymous inodes are one, and have many open files. */
static uint64_t find(int epoll, const struct watch *w, const struct candidate *v, size_t n)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++)
			if (held_at(v[i].file, w->number) == (pass == 0) &&
			    is_watched(epoll, w, v[i].file))
				return v[i].file->id;
	return 0;
}

/* The first of those with this number of inode; *ret_n of them. */
static const struct candidate *same_ino(const struct candidate *v, size_t n, uint64_t ino,
					size_t *ret_n)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_n = 0;
	while (low + *ret_n < n && v[low + *ret_n].ino == ino)
		++*ret_n;
	return v + low;
}

static size_t list_files(const struct collect *c, struct candidate **ret)
{
	struct candidate *v = NULL;
	size_t n = 0, cap = 0;
	const struct object *o;
	for (; (o = objects_at(c->objects, OBJECT_FILE, n)); n++) {
		if (n == cap) {
			cap = cap ? cap * 2 : 256;
			v = xrealloc(v, cap * sizeof(*v));
		}
		v[n] = (struct candidate){ .ino = o->ino, .file = o };
	}
	if (n)
		qsort(v, n, sizeof(*v), by_ino);
	*ret = v;
	return n;
}

static int settle(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	(void)err;
	struct epoll_record *rec = record;
	struct watch *watches = rec->watches.v;
	struct candidate *files;
	size_t n = list_files(c, &files), n_same;
	for (size_t i = 0; i < rec->watches.n; i++) {
		const struct candidate *same = same_ino(files, n, watches[i].ino, &n_same);
		watches[i].file = find(f->fd, &watches[i], same, n_same);
		/* overlayfs: the number may be that of a lower inode */
		if (!watches[i].file)
			watches[i].file = find(f->fd, &watches[i], files, n);
		if (watches[i].file)
			continue;
		(void)file_refuse(c, f,
				  arena_printf(c->arena,
					       "it watches a file (added as descriptor %d) that "
					       "nobody in the container holds",
					       watches[i].number),
				  "close the copies of that file outside, or the epoll descriptor");
		break;
	}
	free(files);
	return 0;
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

static int add(int epoll, int number, const struct watch *w)
{
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

/* Puts the file at the number that it was added as, adds it, and puts back what was there. */
static int add_as(int epoll, int fd, const struct watch *w)
{
	CLEANUP_FD int saved = FD_NONE;
	if (fd == w->number)
		return add(epoll, fd, w);
	saved = fcntl(w->number, F_DUPFD_CLOEXEC, 0);
	if (saved < 0 && errno != EBADF)
		return -errno;
	if (dup3(fd, w->number, O_CLOEXEC) < 0)
		return -errno;
	int r = add(epoll == w->number ? saved : epoll, w->number, w);
	if (saved < 0)
		(void)close(w->number);
	else if (dup3(saved, w->number, O_CLOEXEC) < 0)
		return -errno;
	return r;
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
		int r = fd < 0 ? fd : v[i].number < 0 ? -EBADF : add_as(epoll, fd, &v[i]);
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
