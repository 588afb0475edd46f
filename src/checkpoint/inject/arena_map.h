/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena_map.h - the memory that programs live in: known here at `map`, in the tasks at `base`. It starts with the
 * interpreter's code (blob_code.h), data follow. It does not grow: `size` is reserved address space, pages come as
 * they are touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct arena_map {
	uint8_t *map;  /* here */
	uint64_t base; /* in the tasks; page aligned */
	size_t size;   /* reserved */
	size_t used;
	int fd; /* memfd for restore (shared), -EBADF for dump (plain memory here, copied over) */
	bool full;		       /* something did not fit: arena_map_check() tells */
	struct arena_scratch *scratch; /* stands in for what did not fit */
};

/* Restore: a memfd of `size` bytes. Dump: plain memory. `base` may be set later, before anything is put in. */
int arena_map_new_shared(size_t size, struct arena_map *ret, struct error *err) NODISCARD;
int arena_map_new_private(size_t size, struct arena_map *ret, struct error *err) NODISCARD;
void arena_map_done(struct arena_map *am);

/* Sets the tasks' address and copies the interpreter in. What was in the arena before is forgotten, and zero again. */
void arena_map_place(struct arena_map *am, uint64_t base);
/*
 * Aligned to `align` (a power of 2); zeroed. Returns the tasks' address; when full, that of a scratch area beyond the
 * arena (which can be written to here, and means nothing to the tasks), and `full` is set.
 */
uint64_t arena_map_alloc(struct arena_map *am, size_t size, size_t align);
/* Where a tasks' address of the arena is here. */
void *arena_map_at(const struct arena_map *am, uint64_t addr);
/* -ENOSPC when something did not fit. */
int arena_map_check(const struct arena_map *am, struct error *err) NODISCARD;
