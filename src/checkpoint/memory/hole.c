/* SPDX-License-Identifier: Apache-2.0 */
/* hole.c - address ranges in use, and holes between them; see space.h and memory.h. */
#include <stdlib.h>

#include "base/buf.h"
#include "checkpoint/memory/space.h"

#define STACK_GUARD (UINT64_C(1) << 20) /* stack_guard_gap */
#define HUGE_PAGE   (UINT64_C(2) << 20)
/*
 * Where nobody is by habit: above what is asked for by number (Go's heap at 0xc000000000) and below
 * position independent programs (0x55...), libraries, stack and vdso (0x7f...), which the kernel
 * places at random, the seed's too.
 */
#define QUIET_START UINT64_C(0x200000000000)
#define QUIET_END   UINT64_C(0x500000000000)

void ranges_add(struct ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->v = xrealloc(r->v, r->cap * sizeof(*r->v));
	}
	r->v[r->n++] = (struct range){ start, end };
}

void ranges_add_memory(struct ranges *r, const struct memory *m)
{
	for (size_t i = 0; i < m->n_maps; i++) {
		const struct mapping_record *map = &m->maps[i];
		uint64_t below = map->flags & MAPPING_GROWSDOWN ? STACK_GUARD : 0;
		ranges_add(r, map->start > below ? map->start - below : 0, map->end);
	}
	if (m->vdso.record)
		ranges_add(r, m->vdso.start, m->vdso.start + vdso_area_size(m->vdso.record));
	if (m->vdso.here)
		ranges_add(r, m->vdso.here, m->vdso.here + vdso_area_size(&vdso_here()->record));
}

void ranges_done(struct ranges *r)
{
	free(r->v);
	*r = (struct ranges){ 0 };
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void ranges_sort(struct ranges *r)
{
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_start);
}

static uint64_t round_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static bool fits(uint64_t start, uint64_t end, uint64_t size)
{
	return start < end && size <= end - start;
}

uint64_t ranges_find_hole(struct ranges *r, uint64_t from, uint64_t to, uint64_t size,
			  uint64_t align)
{
	ranges_sort(r);
	uint64_t at = round_up(from, align);
	for (size_t i = 0; i < r->n; i++) {
		if (fits(at, MIN(r->v[i].start, to), size))
			return at;
		if (r->v[i].end > at)
			at = round_up(r->v[i].end, align);
	}
	return fits(at, to, size) ? at : 0;
}

uint64_t ranges_find_near(struct ranges *r, uint64_t near, uint64_t size)
{
	const uint64_t reach = UINT64_C(1) << 30;
	uint64_t from = near > reach + SPACE_MIN ? near - reach : SPACE_MIN;
	uint64_t to = MIN(near + reach, SPACE_END_4);
	uint64_t at = ranges_find_hole(r, near, to, size, SPACE_PAGE);
	if (!at)
		at = ranges_find_hole(r, from, near, size, SPACE_PAGE);
	return at ? at : ranges_find_hole(r, SPACE_MIN, SPACE_END_4, size, SPACE_PAGE);
}

uint64_t memory_find_hole(struct memory *const *v, size_t n, size_t size)
{
	CLEANUP_RANGES struct ranges r = { 0 };
	for (size_t i = 0; i < n; i++)
		ranges_add_memory(&r, v[i]);
	uint64_t bytes = round_up(size, SPACE_PAGE);
	if (!bytes)
		return 0;
	uint64_t at = ranges_find_hole(&r, QUIET_START, QUIET_END, bytes, HUGE_PAGE);
	return at ? at : ranges_find_hole(&r, SPACE_MIN, SPACE_END_4, bytes, SPACE_PAGE);
}
