/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c - memory_emit(): the steps from what a process starts with to its mappings and pages. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "checkpoint/memory/build.h"

#define MAP_DROPPABLE_TYPE 0x08 /* 6.11; in place of MAP_PRIVATE */
#define HUGE_SHIFT	   26	/* MAP_HUGE_SHIFT */

struct step *build_call_at_(struct program *p, uint32_t nr, uint64_t address,
			    const uint64_t args[6])
{
	struct step *s = program_call_(p, nr, args);
	s->want = WANT_EQUAL;
	s->value = (int64_t)address;
	return s;
}

/* The same in all processes as long as the kernel runs, hence asked once. */
static bool has_droppable;
static pthread_once_t droppable_once = PTHREAD_ONCE_INIT;

static void droppable_probe(void)
{
	void *p = mmap(NULL, SPACE_PAGE, PROT_READ, MAP_DROPPABLE_TYPE | MAP_ANONYMOUS, -1, 0);
	has_droppable = p != MAP_FAILED;
	if (has_droppable)
		(void)munmap(p, SPACE_PAGE);
}

bool build_has_droppable(void)
{
	(void)pthread_once(&droppable_once, droppable_probe);
	return has_droppable;
}

/* ---- one mapping ---- */

static uint64_t map_flags(const struct mapping_record *m)
{
	uint64_t flags = MAP_FIXED_NOREPLACE;
	if (m->flags & MAPPING_DROPPABLE && build_has_droppable())
		flags |= MAP_DROPPABLE_TYPE;
	else
		flags |= m->flags & MAPPING_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (m->flags & MAPPING_NORESERVE)
		flags |= MAP_NORESERVE;
	if (m->flags & MAPPING_GROWSDOWN)
		flags |= MAP_GROWSDOWN;
	if (!m->file)
		flags |= MAP_ANONYMOUS;
	if (!m->file && m->flags & MAPPING_HUGETLB)
		flags |= MAP_HUGETLB | (uint64_t)m->page_shift << HUGE_SHIFT;
	return flags;
}

static int map_piece(struct build *b, const struct mapping_record *m, uint32_t prot, uint64_t start,
		     uint64_t end, struct error *err)
{
	int fd = -1;
	if (m->file) {
		fd = b->e->fd(b->e->arg, m->file);
		if (fd < 0)
			return error_set(err, -fd, "no open file %llu for the mapping at %llx",
					 (unsigned long long)m->file, (unsigned long long)m->start);
	}
	program_what(b->e->p, m->file ? "mapping a file" : "mapping memory");
	build_call_at(b->e->p, SYS_mmap, start, start, end - start, prot, map_flags(m),
		      (uint64_t)(int64_t)fd, m->file ? m->offset + (start - m->start) : 0);
	return 0;
}

static void advise_thp(struct build *b, const struct mapping_record *m, uint64_t start,
		       uint64_t end)
{
	for (const struct mapping_flag_row *row = mapping_flag_rows; row->flag; row++) {
		if (!(row->flag & MAPPING_FLAGS_THP & m->flags))
			continue;
		program_what(b->e->p, "advising about huge pages");
		struct step *s = program_call(b->e->p, SYS_madvise, start, end - start,
					      (uint64_t)row->advice);
		s->want = WANT_OK_OR; /* a kernel without huge pages */
		s->value = -EINVAL;
	}
}

/*
 * What was kept becomes what it shall be, and grows to `end`: where a new mapping lay beside it the
 * kernel would not merge the two, since one was inherited.
 */
static void adapt_kept(struct build *b, const struct kept *k, uint32_t prot, uint64_t end)
{
	const struct mapping_record *m = k->map;
	uint32_t had = mapping_building_prot(k->old, mapping_has_pages(b->start->parent, k->old));
	if (end > k->end) {
		program_what(b->e->p, "extending an inherited mapping");
		build_call_at(b->e->p, SYS_mremap, k->end - SPACE_PAGE, k->end - SPACE_PAGE,
			      SPACE_PAGE, end - k->end + SPACE_PAGE, 0);
	}
	if (had != prot) {
		program_what(b->e->p, "changing the protection of an inherited mapping");
		program_call(b->e->p, SYS_mprotect, k->start, end - k->start, prot);
	}
	if ((m->flags ^ k->old->flags) & MAPPING_FLAGS_THP)
		advise_thp(b, m, k->start, end);
}

/* *at: the first kept piece that may be of this mapping. */
static int map_whole(struct build *b, const struct mapping_record *m, size_t *at, struct error *err)
{
	uint32_t prot = mapping_building_prot(m, mapping_has_pages(b->m, m));
	uint64_t start = m->start;
	while (*at < b->n_kept && b->kept[*at].end <= m->start)
		++*at;
	uint64_t first = *at < b->n_kept ? MIN(b->kept[*at].start, m->end) : m->end;
	if (start < first) {
		int r = map_piece(b, m, prot, start, first, err);
		if (r < 0)
			return r;
		advise_thp(b, m, start, first);
	}
	for (; *at < b->n_kept && b->kept[*at].start < m->end; ++*at) {
		bool last = *at + 1 == b->n_kept || b->kept[*at + 1].start >= m->end;
		adapt_kept(b, &b->kept[*at], prot, last ? m->end : b->kept[*at + 1].start);
	}
	return 0;
}

static int build_all(struct build *b, struct error *err)
{
	build_keep(b);
	build_unmap(b);
	int r = build_vdso(b, err);
	for (size_t i = 0, k = 0; r == 0 && i < b->m->n_maps; i++)
		r = map_whole(b, &b->m->maps[i], &k, err);
	if (r == 0)
		build_fill(b);
	return r;
}

int memory_emit(struct emit *e, const struct memory *m, const struct memory_start *start,
		struct error *err)
{
	struct build b = { .e = e, .m = m, .start = start };
	int r = build_all(&b, err);
	arena_done(&b.arena);
	return r;
}
