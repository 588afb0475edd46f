/* SPDX-License-Identifier: Apache-2.0 */
/* file_lock.c - see file_lock.h. */
#include "checkpoint/kind/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/parse.h"
#include "checkpoint/kind/fdinfo.h"

const struct field file_lock_fields[] = {
	FIELD(struct file_lock, flock, BOOL, .optional = true),
	FIELD(struct file_lock, write, BOOL, .optional = true),
	FIELD(struct file_lock, start, U64, .optional = true),
	FIELD(struct file_lock, end, U64, .optional = true),
	FIELDS_END,
};

/* "lock:	1: FLOCK  ADVISORY  WRITE 5741 00:2f:1234 0 EOF" */
static bool parse(const char *line, char class[16], struct file_lock *ret)
{
	char type[16], end[24];
	unsigned long long start;
	if (sscanf(line, "lock: %*d: %15s %*15s %15s %*d %*s %llu %23s", class, type, &start,
		   end) != 4)
		return false;
	*ret = (struct file_lock){
		.flock = str_eq(class, "FLOCK"),
		.write = str_eq(type, "WRITE"),
		.start = start,
		.end = str_eq(end, "EOF") ? UINT64_MAX : strtoull(end, NULL, 10),
	};
	return ret->write || str_eq(type, "READ");
}

int file_lock_collect(struct collect *c, const struct file_facts *f, struct list *ret,
		      struct error *err)
{
	(void)err;
	struct file_lock *v = NULL, lock;
	size_t n = 0;
	char class[16] = "";
	const char *line, *next = f->info ? f->info : "";
	while ((line = fdinfo_line(next, "lock:", &next))) {
		if (!parse(line, class, &lock))
			return file_refuse(c, f, "it has a lock or lease of an unknown form",
					   "release it");
		if (str_eq(class, "POSIX"))
			return file_refuse(
				c, f, "a process holds a POSIX record lock (fcntl F_SETLK) on it",
				"release it; such locks are not carried yet");
		if (!lock.flock && !str_eq(class, "OFDLCK"))
			return file_refuse(c, f, "it has a lease",
					   "give it back (fcntl F_SETLEASE)");
		*arena_push(c->arena, v, n) = lock;
	}
	*ret = (struct list){ .v = v, .n = n };
	return 0;
}

static int take(int fd, const struct file_lock *lock)
{
	if (lock->flock)
		return flock(fd, (lock->write ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 ? -errno : 0;
	struct flock fl = {
		.l_type = lock->write ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)lock->start,
		.l_len = lock->end == UINT64_MAX ? 0 : (off_t)(lock->end - lock->start + 1),
	};
	if (lock->start > INT64_MAX ||
	    (lock->end != UINT64_MAX && (lock->end < lock->start || lock->end >= INT64_MAX)))
		return -EINVAL;
	return fcntl(fd, F_OFD_SETLK, &fl) < 0 ? -errno : 0;
}

int file_lock_apply(int fd, const struct list *locks, struct error *err)
{
	const struct file_lock *v = locks->v;
	for (size_t i = 0; i < locks->n; i++) {
		int r = take(fd, &v[i]);
		if (r == -EWOULDBLOCK || r == -EACCES) {
			(void)error_set(err, EAGAIN,
					"the lock that it had is held by another process");
			return error_hint(err, "end that process; /proc/locks names it");
		}
		if (r < 0)
			return error_sys(err, -r, "cannot take the lock that it had");
	}
	return 0;
}
