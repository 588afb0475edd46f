/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is freed all at once, for plain-data trees (spec, plan).
 * Everything handed out is zeroed, aligned to 16 bytes and lives until arena_done().
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"

struct arena_block;
struct arena {
	struct arena_block *head;
};

#define CLEANUP_ARENA CLEANUP(arena_done)

void arena_done(struct arena *a);
void *arena_alloc(struct arena *a, size_t size) NODISCARD;
char *arena_strdup(struct arena *a, const char *s) NODISCARD;
char *arena_strndup(struct arena *a, const char *s, size_t n) NODISCARD;
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) NODISCARD;

/*
 * Appends one zeroed element to an array {ptr, n} that lives in the arena and returns it. The array
 * grows by doubling at powers of two, so it must only ever be grown through this.
 */
void *arena_grow(struct arena *a, void *ptr_to_array, size_t *n, size_t elem_size) NODISCARD;
#define arena_push(a, array, n)                                                                    \
	((__typeof__(array))arena_grow((a), &(array), &(n), sizeof(*(array))))
