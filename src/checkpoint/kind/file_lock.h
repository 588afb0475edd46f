/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_lock.h - locks that belong to an open file, of whatever kind: flock(2) and F_OFD_SETLK, as the "lock:" lines of
 * fdinfo tell. They are part of the common record (file_record.locks). POSIX locks belong to processes, and
 * leases to neither: both are refused here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/kind/collect.h"

struct file_lock {
	bool flock;	/* else an OFD lock */
	bool write;	/* else a shared one */
	uint64_t start; /* OFD: first byte */
	uint64_t end;	/* the last one; UINT64_MAX: to the end of the file */
};

extern const struct field file_lock_fields[];
#define FILE_LOCKS_MAX 65536

/* Fills *ret with struct file_lock, in the dump's arena. May refuse. */
int file_lock_collect(struct collect *c, const struct file_facts *f, struct list *ret,
		      struct error *err) NODISCARD;

/* Takes them with the open file fd, without waiting. -EAGAIN names who is in the way. */
int file_lock_apply(int fd, const struct list *locks, struct error *err) NODISCARD;
