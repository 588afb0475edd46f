/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_search.h - a name for an inode, found by looking through a mount: the last resort, for what the kernel tells
 * by number only (a watched inode, a file whose first name was removed).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/kind/collect.h"

/* How many names are looked at before giving up: some tenths of a second. */
#define NAME_SEARCH_MAX 400000

struct name_search {
	uint64_t ino; /* as readdir(3) and stat(2) tell */
	const char *
		near; /* a path of the container beside which it may be: looked at first; NULL: none */
	/* fd: O_PATH of an inode with this number. Is it the one? */
	bool (*is_it)(int fd, void *arg);
	void *arg;
};

/*
 * Looks below `start`, a path of the container, without leaving its mount; start itself too. *ret: a path of the
 * container, in the dump's arena. 0, -ENOENT, -E2BIG (too many names) or -errno.
 */
int name_search(struct collect *c, const char *start, const struct name_search *s, char **ret)
	NODISCARD;

/* The container's root directory, O_PATH: the caller's. -errno. */
int name_search_root(const struct collect *c) NODISCARD;
