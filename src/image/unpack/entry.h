/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - one member of a layer's tar becomes a file, with owner, mode, times and attributes; or a whiteout
 * (OCI image-spec, layer.md: ".wh.NAME" removes NAME, ".wh..wh..opq" hides all that is below).
 *
 * Of duplicates the last wins, whatever kinds they are. Modes and times of directories are kept until the
 * end, since what comes into a directory changes them (and a directory may be read-only).
 */
#pragma once

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "image/unpack/tree.h"

struct archive;
struct archive_entry;

#define UNPACK_MAX_ENTRIES (4u << 20) /* in one layer */

struct late_dir {   /* what a directory gets at the end */
	char *real; /* its path in the layer, without links */
	size_t order;
	mode_t mode;
	struct timespec times[2];
};

struct unpacking {
	struct tree tree;
	struct arena arena;
	struct late_dir *dirs;
	size_t n_dirs;
	uint64_t bytes; /* of regular files */
	uint64_t n_entries;
	uint64_t n_devices, n_attributes; /* left out */
};

#define CLEANUP_UNPACKING CLEANUP(unpacking_done)
void unpacking_done(struct unpacking *u);

/* Begins in an open, empty directory. */
void unpacking_init(struct unpacking *u, int root, bool rootless);

/* The entry whose header was just read from a. -EBADMSG (hostile or damaged), -ENOSPC, ... */
int entry_place(struct unpacking *u, struct archive *a, struct archive_entry *e, struct error *err)
	NODISCARD;

/* After the last entry: modes and times of directories. */
int unpacking_finish(struct unpacking *u, struct error *err) NODISCARD;
