/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.h - a run of bytes in an open regular file: a whole file of a layout directory, or one member of
 * an archive. Read at any place (pread), so several may share one open file.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct blob {
	int fd; /* the blob's own; -EBADF: none */
	uint64_t offset, size;
};

#define BLOB_NONE    ((struct blob){ .fd = -EBADF })
#define CLEANUP_BLOB CLEANUP(blob_done)
void blob_done(struct blob *b);

/* Reads up to size bytes from pos on: bytes read (0: the end), or -errno; -ENODATA when the file ends
 * before the blob does. */
ssize_t blob_read(const struct blob *b, uint64_t pos, void *buf, size_t size) NODISCARD;

/* Appends the whole blob. -EFBIG when it has more than max bytes. */
int blob_read_all(const struct blob *b, size_t max, struct buf *ret, struct error *err) NODISCARD;
