/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.h - the bytes of an inode that nothing but the image can give back (a deleted file, a memfd, shared
 * memory): its size and runs of pages; what lies between is holes, and stays so.
 */
#pragma once

#include <stdint.h>

#include "checkpoint/image/record.h"
#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/holder.h"

struct content_run {
	uint64_t at;	/* in the file, whole pages */
	uint64_t pages; /* how many */
	uint64_t image; /* where in the image */
};

struct content {
	uint64_t size;
	struct list runs; /* struct content_run, ascending */
};

extern const struct field content_fields[];

/*
 * Writes the content to the image and describes it in *ret, which lives in the dump's arena. fd: readable and nobody
 * else's open file, since its position moves. Nothing is read on a dry run. The dump has begun a PAGES part.
 */
int content_collect(struct collect *c, int fd, struct content *ret, struct error *err) NODISCARD;

/* Fills an empty file and sets its size. fd: writable. -EBADMSG when the image lacks pages that are named. */
int content_fill(struct holder *h, const struct content *ct, int fd, struct error *err) NODISCARD;
