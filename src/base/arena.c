/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - see arena.h. Blocks of 4 KiB or the size of a larger request, in a list. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

#define BLOCK_SIZE 4000

void arena_done(struct arena *a)
{
	for (struct arena_block *b = a->head; b;) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
	a->head = NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	struct arena_block *b = a->head;
	if (!b || b->size - b->used < size) {
		size_t want = MAX(size, (size_t)BLOCK_SIZE);
		b = xcalloc(1, sizeof(*b) + want);
		b->size = want;
		b->next = a->head;
		a->head = b;
	}
	void *p = b->data + b->used;
	b->used += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);
	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = arena_alloc(a, (size_t)MAX(n, 0) + 1);
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)MAX(n, 0) + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *ptr_to_array, size_t *n, size_t elem_size)
{
	char *old;
	memcpy(&old, ptr_to_array, sizeof(old));
	if ((*n & (*n - 1)) == 0) { /* 0, 1, 2, 4, 8...: full */
		char *bigger = arena_alloc(a, (*n ? *n * 2 : 1) * elem_size);
		if (*n)
			memcpy(bigger, old, *n * elem_size);
		memcpy(ptr_to_array, &bigger, sizeof(bigger));
		old = bigger;
	}
	return old + (*n)++ * elem_size;
}
