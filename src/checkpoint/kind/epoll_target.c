/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll_target.c - see epoll_target.h.
 *
 * Two ways to ask. kcmp(2) KCMP_EPOLL_TFD is exact, but it walks through the watches one by one. Adding a file as a number that is
 * watched already fails with EEXIST, in no time; but the file must be at that number in our table of descriptors. So it is done by
 * a child with a copy of the table, for the most likely candidate of each, and kcmp(2) only for what is left.
 */
#include "checkpoint/kind/epoll_target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/clone3.h"

#define FEW 32 /* for fewer a child is not worth it */

int epoll_target_at(int epoll, int fd, int number,
		    int (*fn)(int epoll, int number, const void *arg), const void *arg)
{
	CLEANUP_FD int saved = FD_NONE;
	if (fd == number)
		return fn(epoll, number, arg);
	saved = fcntl(number, F_DUPFD_CLOEXEC, 0);
	if (saved < 0 && errno != EBADF)
		return -errno;
	if (dup3(fd, number, O_CLOEXEC) < 0)
		return -errno;
	int r = fn(epoll == number ? saved : epoll, number, arg);
	if (saved < 0)
		(void)close(number);
	else if (dup3(saved, number, O_CLOEXEC) < 0)
		return -errno;
	return r;
}

/* An open file of the container, found by its inode or by a number that a task has it at. */
struct entry {
	uint64_t key;
	const struct object *file;
};

struct index {
	struct entry *v;
	size_t n, cap;
};

static void index_add(struct index *x, uint64_t key, const struct object *file)
{
	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 256;
		x->v = xrealloc(x->v, x->cap * sizeof(*x->v));
	}
	x->v[x->n++] = (struct entry){ .key = key, .file = file };
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return x->key < y->key ? -1 : x->key > y->key;
}

/* Those with this key: *ret_n of them. */
static const struct entry *index_find(const struct index *x, uint64_t key, size_t *ret_n)
{
	size_t low = 0, high = x->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->v[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_n = 0;
	while (low + *ret_n < x->n && x->v[low + *ret_n].key == key)
		++*ret_n;
	return x->v + low;
}

struct search {
	int epoll;
	struct epoll_target *v;
	uint32_t *nth;		      /* of each: among those of the same number */
	bool *lone;		      /* no other one has its number */
	const struct object **likely; /* same inode, and a task has it at that number */
	bool *confirmed;	      /* that it is this one; written by the child */
	size_t n;
	struct index by_ino, by_number;
};

static void index_files(struct search *s, const struct collect *c)
{
	const struct object *o;
	for (size_t i = 0; (o = objects_at(c->objects, OBJECT_FILE, i)); i++) {
		index_add(&s->by_ino, o->ino, o);
		for (size_t k = 0; k < o->n_holders; k++)
			if (o->holders[k].number >= 0)
				index_add(&s->by_number, (uint64_t)o->holders[k].number, o);
	}
	if (s->by_ino.n)
		qsort(s->by_ino.v, s->by_ino.n, sizeof(struct entry), by_key);
	if (s->by_number.n)
		qsort(s->by_number.v, s->by_number.n, sizeof(struct entry), by_key);
}

static int by_number(const void *a, const void *b)
{
	const struct epoll_target *x = *(struct epoll_target *const *)a;
	const struct epoll_target *y = *(struct epoll_target *const *)b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void count_same_numbers(struct search *s)
{
	struct epoll_target **sorted = xcalloc(s->n, sizeof(struct epoll_target *));
	for (size_t i = 0; i < s->n; i++) {
		sorted[i] = &s->v[i];
		s->lone[i] = true;
	}
	qsort(sorted, s->n, sizeof(struct epoll_target *), by_number);
	for (size_t i = 1; i < s->n; i++) {
		size_t a = (size_t)(sorted[i - 1] - s->v), b = (size_t)(sorted[i] - s->v);
		if (sorted[i]->number != sorted[i - 1]->number)
			continue;
		s->nth[b] = s->nth[a] + 1;
		s->lone[a] = s->lone[b] = false;
	}
	free(sorted);
}

static void guess(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t n;
		const struct entry *e = index_find(&s->by_number, (uint64_t)s->v[i].number, &n);
		for (size_t k = 0; k < n && !s->likely[i]; k++)
			if (e[k].file->ino == s->v[i].ino)
				s->likely[i] = e[k].file;
	}
}

static int try_add(int epoll, int number, const void *arg)
{
	(void)arg;
	struct epoll_event ev = { .events = 0 };
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, number, &ev) < 0)
		return -errno;
	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, number, NULL);
	return 0;
}

static void confirm_quickly(struct search *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->likely[i] && s->lone[i])
			s->confirmed[i] = epoll_target_at(s->epoll, s->likely[i]->fd,
							  s->v[i].number, try_add, NULL) == -EEXIST;
}

/* In a child, whose descriptors are its own. What it cannot tell is asked again. */
static void confirm_in_child(struct search *s)
{
	pid_t child = s->n < FEW ? -1 : sys_fork(0, FD_NONE, NULL);
	if (child == 0) {
		confirm_quickly(s);
		_exit(0);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool is_target(const struct search *s, size_t i, const struct object *file)
{
	struct kcmp_epoll_slot slot = { .efd = (unsigned)s->epoll,
					.tfd = (unsigned)s->v[i].number,
					.toff = s->nth[i] };
	pid_t self = getpid();
	return syscall(SYS_kcmp, self, self, KCMP_EPOLL_TFD, file->fd, &slot) == 0;
}

static uint64_t find_among(const struct search *s, size_t i, const struct entry *e, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (is_target(s, i, e[k].file))
			return e[k].file->id;
	return 0;
}

static uint64_t find_slowly(const struct search *s, size_t i)
{
	size_t n;
	if (s->likely[i] && is_target(s, i, s->likely[i]))
		return s->likely[i]->id;
	const struct entry *e = index_find(&s->by_ino, s->v[i].ino, &n);
	uint64_t id = find_among(s, i, e, n);
	/* overlayfs: the number may be that of a lower inode */
	return id ? id : find_among(s, i, s->by_ino.v, s->by_ino.n);
}

void epoll_target_find(const struct collect *c, int epoll, struct epoll_target *v, size_t n)
{
	if (n == 0)
		return;
	struct search s = { .epoll = epoll, .v = v, .n = n };
	s.nth = xcalloc(n, sizeof(*s.nth));
	s.lone = xcalloc(n, sizeof(*s.lone));
	s.likely = xcalloc(n, sizeof(*s.likely));
	s.confirmed = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	index_files(&s, c);
	count_same_numbers(&s);
	guess(&s);
	if (s.confirmed != MAP_FAILED)
		confirm_in_child(&s);
	for (size_t i = 0; i < n; i++)
		v[i].file = s.confirmed != MAP_FAILED && s.confirmed[i] ? s.likely[i]->id
									: find_slowly(&s, i);
	if (s.confirmed != MAP_FAILED)
		(void)munmap(s.confirmed, n);
	free(s.by_ino.v);
	free(s.by_number.v);
	free(s.nth);
	free(s.lone);
	free(s.likely);
}
