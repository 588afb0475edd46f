/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h - an address space is made by steps: what memory_emit() is composed of. Of this room
 * alone.
 *
 * What a task starts with, its seed's or its parent's mappings, is kept where it is what is wanted:
 * a child that is like its parent costs no step, and shares all pages that have the same place in
 * the image.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "checkpoint/memory/space.h"

/* A piece of a mapping that is there already. */
struct kept {
	uint64_t start, end;
	const struct mapping_record *map; /* what it shall be */
	const struct mapping_record *old; /* what it is in the parent */
};

struct build {
	struct emit *e;
	const struct memory *m;
	const struct memory_start *start;
	struct kept *kept; /* ascending; in an arena of its own */
	size_t n_kept;
	bool keeps_stale_vdso; /* the parent has put the same old code to the same place */
	struct arena arena;
};

/* Finds out what can be kept (keep.c). */
void build_keep(struct build *b);

/* Steps: unmaps what is not kept (keep.c). */
void build_unmap(struct build *b);

/*
 * Steps: moves this kernel's vdso to its place, makes the image's old one (place.c). -EINVAL: it
 * does not lie as told.
 */
int build_vdso(struct build *b, struct error *err) NODISCARD;

/* Steps: gives pages that the parent has too many back, reads what is missing (fill.c). */
void build_fill(struct build *b);

/* The kernel has MAP_DROPPABLE (6.11); found out once. */
bool build_has_droppable(void);

/* A step that must return this very address. */
struct step *build_call_at_(struct program *p, uint32_t nr, uint64_t address,
			    const uint64_t args[6]);
#define build_call_at(p, nr, address, ...)                                                         \
	build_call_at_((p), (nr), (address), (const uint64_t[6]){ __VA_ARGS__ })
