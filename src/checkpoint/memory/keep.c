/* SPDX-License-Identifier: Apache-2.0 */
/* keep.c - what of the parent's mappings a child keeps, and what of its start goes; see build.h. */
#include <sys/syscall.h>

#include "checkpoint/memory/build.h"

/*
 * Whether the parent's mapping can become this one: what mmap(2) decides must be the same. Advice
 * about huge pages can be changed but not taken back. Everything else is given at the end, when the
 * child has been forked.
 */
static bool can_keep(const struct mapping_record *map, const struct mapping_record *old)
{
	uint32_t thp = map->flags & MAPPING_FLAGS_THP;
	if ((map->flags ^ old->flags) & MAPPING_FLAGS_BIRTH ||
	    map->flags & (MAPPING_HUGETLB | MAPPING_DROPPABLE) || map->file != old->file)
		return false;
	if (thp != (old->flags & MAPPING_FLAGS_THP) && !thp)
		return false;
	return !map->file || map->offset - map->start == old->offset - old->start;
}

void build_keep(struct build *b)
{
	const struct memory *m = b->m, *parent = b->start->parent;
	if (!parent)
		return;
	for (size_t i = 0, j = 0; i < m->n_maps && j < parent->n_maps;) {
		const struct mapping_record *map = &m->maps[i], *old = &parent->maps[j];
		uint64_t start = MAX(map->start, old->start), end = MIN(map->end, old->end);
		if (start < end && can_keep(map, old))
			*arena_push(&b->arena, b->kept, b->n_kept) =
				(struct kept){ start, end, map, old };
		if (map->end <= old->end)
			i++;
		else
			j++;
	}
	b->keeps_stale_vdso = m->vdso.stale && parent->vdso.stale &&
			      m->vdso.start == parent->vdso.start && m->r.vdso == parent->r.vdso &&
			      m->vdso.here == parent->vdso.here;
}

/* ---- what goes ---- */

/* All of the parent's, ascending. Its vdso is counted as kept. */
static void ranges_add_parent(struct ranges *r, const struct memory *parent)
{
	for (size_t i = 0; i < parent->n_maps; i++)
		ranges_add(r, parent->maps[i].start, parent->maps[i].end);
	if (parent->vdso.stale)
		ranges_add(r, parent->vdso.start,
			   parent->vdso.start + vdso_area_size(parent->vdso.record));
	ranges_sort(r);
}

static void ranges_add_kept(struct ranges *r, const struct build *b)
{
	const struct memory_start *s = b->start;
	for (size_t i = 0; i < b->n_kept; i++)
		ranges_add(r, b->kept[i].start, b->kept[i].end);
	if (b->keeps_stale_vdso)
		ranges_add(r, b->m->vdso.start,
			   b->m->vdso.start + vdso_area_size(b->m->vdso.record));
	ranges_add(r, s->arena_base, s->arena_base + s->arena_size);
	ranges_add(r, s->vdso_start, s->vdso_start + s->vdso_size);
	ranges_sort(r);
}

/*
 * Of a gap between two things kept, what is worth a step: in a seed, which may have things
 * anywhere, all of it; in a parent, from the first to the last of its mappings there. *at only goes
 * up.
 */
static struct range gap_used(const struct ranges *used, size_t *at, struct range gap)
{
	struct range ret = { 0 };
	while (*at < used->n && used->v[*at].end <= gap.start)
		++*at;
	if (*at == used->n || used->v[*at].start >= gap.end)
		return ret;
	ret.start = MAX(used->v[*at].start, gap.start);
	while (*at + 1 < used->n && used->v[*at + 1].start < gap.end)
		++*at;
	ret.end = MIN(used->v[*at].end, gap.end);
	return ret;
}

void build_unmap(struct build *b)
{
	CLEANUP_RANGES struct ranges kept = { 0 };
	CLEANUP_RANGES struct ranges used = { 0 };
	if (b->start->parent)
		ranges_add_parent(&used, b->start->parent);
	else
		ranges_add(&used, 0, SPACE_END_4);
	ranges_add_kept(&kept, b);
	ranges_add(&kept, SPACE_END_5, UINT64_MAX);
	program_what(b->e->p, "unmapping what the process started with");
	uint64_t at = 0;
	for (size_t i = 0, j = 0; i < kept.n; i++) {
		struct range gap = { at, kept.v[i].start };
		struct range go = { 0 };
		if (gap.start < gap.end)
			go = gap_used(&used, &j, gap);
		if (go.start < go.end)
			program_call(b->e->p, SYS_munmap, go.start, go.end - go.start);
		at = MAX(at, kept.v[i].end);
	}
}
