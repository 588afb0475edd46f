/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - whole small files: read, write, replace atomically. dirfd/path as in openat(2).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Appends the whole file to b, at most max bytes (-EFBIG beyond). 0 or -errno. */
int file_read(int dirfd, const char *path, size_t max, struct buf *b) NODISCARD;

/* Reads a short file into buf (NUL-terminated, trailing newline cut). Length or -errno. */
ssize_t file_read_line(int dirfd, const char *path, char *buf, size_t size) NODISCARD;

/* Writes text to an existing file with one write(2), as control files of the kernel want. 0 or -errno. */
int file_write(int dirfd, const char *path, const char *text) NODISCARD;

/*
 * Replaces path by data: written to a temporary name beside it, then renamed over it, so that a reader
 * sees the old or the new file and never half of one. 0 or -errno; on failure the old file stands.
 */
int file_replace(int dirfd, const char *path, mode_t mode, const void *data, size_t size) NODISCARD;

/* Removes a tree below dirfd/path, itself included; never crosses a mount point and follows no link.
 * 0 (also if it was not there) or -errno. */
int file_remove_tree(int dirfd, const char *path) NODISCARD;

/* mkdir -p: makes every missing part. 0 or -errno. */
int file_mkdirs(int dirfd, const char *path, mode_t mode) NODISCARD;
