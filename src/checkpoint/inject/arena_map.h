/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena_map.h - the memory that programs live in: known here at `map`, in the tasks at `base`. It starts with the
 * interpreter's code (blob.h), data follow. It does not grow: `size` is reserved address space, pages come as
 * they are touched.
 */
#pragma once

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
	bool full; /* something did not fit: arena_map_check() tells */
};

/* Restore: a memfd of `size` bytes. Dump: plain memory. `base` may be set later, before anything is put in. */
int arena_map_new_shared(size_t size, struct arena_map *ret, struct error *err) NODISCARD;
int arena_map_new_private(size_t size, struct arena_map *ret, struct error *err) NODISCARD;
void arena_map_done(struct arena_map *am);

/* Sets the tasks' address and copies the interpreter in. */
void arena_map_place(struct arena_map *am, uint64_t base);
/* Aligned to `align` (a power of 2); zeroed. Returns the tasks' address; when full, that of a scratch area, and `full` is set. */
uint64_t arena_map_alloc(struct arena_map *am, size_t size, size_t align);
void *arena_map_at(const struct arena_map *am, uint64_t addr);
/* -ENOSPC when something did not fit. */
int arena_map_check(const struct arena_map *am, struct error *err) NODISCARD;
