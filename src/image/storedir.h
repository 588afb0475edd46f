/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storedir.h - the directories of a store as descriptors, its two locks, and what lies in them.
 *
 * Locks (flock(2) on files of the store; closing the descriptor releases):
 *     "lock"  exclusive, held for moments: by whoever changes images/, tags/ or layers/.
 *     "busy"  shared, held by an import from before its first byte until its record is written: what is
 *             in tmp/, and layers without a record, may belong to somebody. Exclusive only by the
 *             collector (gc.h), which never waits for it.
 * Readers take none: every file is replaced as a whole by a rename.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "image/digest.h"
#include "image/image.h"

struct store {
	int dir, layers, images, tags, tmp;
};

#define STORE_NONE    ((struct store){ -EBADF, -EBADF, -EBADF, -EBADF, -EBADF })
#define CLEANUP_STORE CLEANUP(store_done)
void store_done(struct store *s);

/* Opens a store; create: makes what is missing (mode 0700: layers hold set-user-id programs). -ENOENT
 * when there is none. */
int store_open(const char *path, bool create, struct store *ret, struct error *err) NODISCARD;

/* Opens "lock" or "busy" and locks it; operation as in flock(2). A descriptor to close, -EWOULDBLOCK
 * with LOCK_NB, or -errno. */
int store_lock(const struct store *s, const char *name, int operation, struct error *err) NODISCARD;

/* The record of an image; its names are filled in. -ENOENT, -EBADMSG, ... */
int store_load(const struct store *s, const char *id, struct image *ret, struct error *err)
	NODISCARD;

/* Writes (or replaces) a file of images/ or tags/ as a whole. */
int store_put(const struct store *s, int dirfd, const char *file, const void *data, size_t size,
	      struct error *err) NODISCARD;

/* Ids of all images, whether their record can be read or not. Strings live in the arena. */
int store_ids(const struct store *s, struct arena *a, struct strings *ret, struct error *err)
	NODISCARD;

/* All names and the ids they point to, as key and value. */
int store_tags(const struct store *s, struct arena *a, struct spec_pairs *ret, struct error *err)
	NODISCARD;

/* Whether the layer is there, whole. */
bool store_has_layer(const struct store *s, const struct digest *diff_id);

/* "images/<id>.json"'s file name. buf: IMAGE_RECORD_SIZE. */
#define IMAGE_RECORD_SIZE 72
const char *store_record_name(const char *id, char *buf);
