/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where an image comes from, as a set of named files: a layout directory, or the members of an
 * archive. A compressed archive, or one from a pipe, is first written uncompressed to a nameless
 * temporary file, since its parts are needed in another order than they come.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "image/unpack/blob.h"
#include "image/unpack/tarindex.h"

struct source {
	int fd; /* the archive, or the directory */
	bool is_directory;
	struct tarindex index; /* of an archive */
};

#define SOURCE_NONE    ((struct source){ .fd = -EBADF })
#define CLEANUP_SOURCE CLEANUP(source_done)
void source_done(struct source *s);

/* Opens the path, without reading. Before confinement. -ENOENT, -EACCES, ... */
int source_open(const char *path, struct source *ret, struct error *err) NODISCARD;

/*
 * Makes the parts accessible. tmpfd: a directory for the temporary file. -EBADMSG (no archive, or
 * damaged), -ENOSPC, ...
 */
int source_prepare(struct source *s, int tmpfd, struct error *err) NODISCARD;

/* The file of that name: 0 (*ret is to be blob_done), -ENOENT without an error filled in, or -errno. */
int source_blob(const struct source *s, const char *name, struct blob *ret, struct error *err)
	NODISCARD;

/* Appends the whole of a small file. -ENOENT as source_blob(); -EFBIG. */
int source_read(const struct source *s, const char *name, struct buf *ret, struct error *err)
	NODISCARD;
