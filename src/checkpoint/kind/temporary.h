/* SPDX-License-Identifier: Apache-2.0 */
/*
 * temporary.h - a file, directory or fifo that gets a name for a moment, so that it can be opened by those who had
 * it open when it had none any more. Works in the tree of our own root (the restored container's).
 *
 * The name is the one that it had, when it and nothing else can have it: /proc/PID/fd then reads as it did. Missing directories
 * are made and go too. Times of the directory that is written to are put back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

#define TEMPORARY_DEPTH 64

struct temporary_name {
	int parent; /* O_PATH */
	char *name;
	bool is_dir;
};

struct temporary {
	struct temporary_name made[TEMPORARY_DEPTH]; /* in the order of making */
	size_t n;
	int where; /* directory that was there, and its times */
	struct stat st;
};

#define TEMPORARY_INIT                                                                             \
	{                                                                                          \
		.where = -EBADF                                                                    \
	}

/* Makes it. Returns a descriptor (read and write; a fifo: both ends; a directory: read) or -errno. */
int temporary_make(struct temporary *t, const char *path, uint32_t type, struct error *err)
	NODISCARD;

/*
 * A regular file in the directory of path that never has a name, and may be given one later: O_TMPFILE. -errno: then
 * nothing was done (not every file system has it).
 */
int temporary_nameless(struct temporary *t, const char *path) NODISCARD;

/* Gives an existing file the name `path` for a moment. 0, -EEXIST or another -errno: then nothing was done. */
int temporary_link(struct temporary *t, const char *existing, const char *path) NODISCARD;

/* Removes every name that was made; closes. */
void temporary_remove(struct temporary *t);
