/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_search.h - names for inodes, found by looking through a mount: the last resort, for what the kernel tells by
 * number only (watched inodes, a file whose first name was removed). One walk for all that are wanted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/kind/collect.h"

/* How many names are looked at before giving up: some tenths of a second. */
#define NAME_SEARCH_MAX 400000

struct name_wanted {
	uint64_t ino; /* as readdir(3) and stat(2) tell */
	void *arg;    /* for is_it() */
	char *path; /* the result: a path of the container, in the dump's arena; NULL: not found */
};

struct name_search {
	struct name_wanted *v; /* is sorted by ino */
	size_t n;
	const char *
		near; /* a path of the container beside which they may be: looked at first; NULL: none */
	/* fd: of an inode with this number, to be looked at only. Is it the one? */
	bool (*is_it)(int fd, void *arg);
};

/*
 * Looks below `start`, a path of the container, without leaving its mount; start itself too. Those that have a path
 * already are not looked for. 0: all are found; -ENOENT, -E2BIG (too many names) or -errno: not all.
 */
int name_search(struct collect *c, const char *start, const struct name_search *s) NODISCARD;

/* The container's root directory, O_PATH: the caller's. -errno. */
int name_search_root(const struct collect *c) NODISCARD;
