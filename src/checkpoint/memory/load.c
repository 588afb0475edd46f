/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - memory_load(): the record of an address space is read and checked. It is hostile:
 * whatever is wrong with it must be found here, before anything is made.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "checkpoint/memory/space.h"

#define PROT_ALL       (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PAGE_SHIFT     12
#define PAGE_SHIFT_MAX 34 /* 16 GiB */

/* What is shared by all that check one record. */
struct check {
	struct image *img;
	struct arena *arena;
	struct memory *m;
	struct error *err;
};

static int wrong(const struct check *k, uint64_t address, const char *why)
{
	(void)error_set(k->err, EBADMSG, "at address %" PRIx64 ": %s", address, why);
	return error_object(k->err, "memory %" PRIu64 " of the image", k->m->id);
}

/* ---- mappings ---- */

static const char *mapping_fault(const struct mapping_record *m)
{
	uint64_t size = m->end - m->start;
	bool anonymous = !m->file;
	if ((m->start | m->end | m->offset) & (SPACE_PAGE - 1))
		return "a mapping is not made of pages";
	if (m->start >= m->end || m->start < SPACE_MIN || m->end > SPACE_END_5)
		return "a mapping is not within user space";
	if (m->prot & ~(uint32_t)PROT_ALL || m->flags & ~MAPPING_FLAGS_ALL)
		return "a mapping has protections or flags that do not exist";
	if (m->offset > INT64_MAX - size)
		return "a mapping reaches behind the end of all files";
	if (anonymous && (m->offset || m->flags & MAPPING_SHARED))
		return "a mapping without a file has an offset or is shared";
	if (!anonymous && (m->flags & (MAPPING_GROWSDOWN | MAPPING_DROPPABLE) || m->name))
		return "a mapping of a file is said to be anonymous";
	if (!(m->flags & MAPPING_HUGETLB))
		return m->page_shift ? "a mapping of small pages has a page size" : NULL;
	if (m->page_shift <= PAGE_SHIFT || m->page_shift > PAGE_SHIFT_MAX)
		return "a mapping has a page size that does not exist";
	if ((m->start | m->end | m->offset) & ((UINT64_C(1) << m->page_shift) - 1))
		return "a mapping is not made of its huge pages";
	return NULL;
}

static int mappings_check(const struct check *k)
{
	uint64_t above = 0;
	for (size_t i = 0; i < k->m->n_maps; i++) {
		const struct mapping_record *m = &k->m->maps[i];
		const char *fault = mapping_fault(m);
		if (!fault && m->start < above)
			fault = "mappings overlap or are out of order";
		if (fault)
			return wrong(k, m->start, fault);
		above = m->end;
	}
	return 0;
}

/* ---- what is in them ---- */

/*
 * Whether [start, start + pages) lies in mappings without any of `flags`, one behind the other; *at
 * only goes up.
 */
static bool lies_in_mappings(const struct memory *m, size_t *at, uint64_t start, uint64_t pages,
			     uint32_t flags)
{
	while (*at < m->n_maps && m->maps[*at].end <= start)
		++*at;
	for (size_t i = *at; i < m->n_maps; i++) {
		const struct mapping_record *map = &m->maps[i];
		if (map->start > start || map->flags & flags)
			return false;
		uint64_t here = (map->end - start) / SPACE_PAGE;
		if (pages <= here)
			return true;
		pages -= here;
		start = map->end;
	}
	return false;
}

static int pages_check(const struct check *k)
{
	uint64_t above = 0;
	size_t at = 0;
	if (k->m->r.pages.n % 3)
		return wrong(k, 0, "the list of pages is cut off");
	for (size_t i = 0; i < k->m->n_pages; i++) {
		const struct mapping_pages *p = &k->m->pages[i];
		if (p->address < above || p->address & (SPACE_PAGE - 1) || !p->n)
			return wrong(k, p->address, "pages overlap or are out of order");
		if (!lies_in_mappings(k->m, &at, p->address, p->n,
				      MAPPING_SHARED | MAPPING_DROPPABLE))
			return wrong(k, p->address, "pages are in no private mapping");
		if (p->offset & (SPACE_PAGE - 1) || !image_has_pages(k->img, p->offset, p->n))
			return wrong(k, p->address, "the image does not hold these pages");
		above = p->address + p->n * SPACE_PAGE;
	}
	return 0;
}

static int guards_check(const struct check *k)
{
	uint64_t above = 0;
	size_t at = 0;
	if (k->m->r.guards.n % 2)
		return wrong(k, 0, "the list of guards is cut off");
	for (size_t i = 0; i < k->m->n_guards; i++) {
		const struct mapping_guard *g = &k->m->guards[i];
		if (g->address < above || g->address & (SPACE_PAGE - 1) || !g->n ||
		    !lies_in_mappings(k->m, &at, g->address, g->n, 0))
			return wrong(k, g->address, "a guard is in no mapping or out of order");
		above = g->address + g->n * SPACE_PAGE;
	}
	return 0;
}

static int numbers_check(const struct check *k)
{
	const struct memory_numbers *n = &k->m->r.numbers;
	const struct {
		uint64_t from, to;
	} pairs[] = { { n->start_code, n->end_code }, { n->start_data, n->end_data },
		      { n->start_brk, n->brk },	      { n->arg_start, n->arg_end },
		      { n->env_start, n->env_end },   { 0, n->start_stack } };
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (pairs[i].from > pairs[i].to || pairs[i].to > SPACE_END_5)
			return wrong(k, pairs[i].from, "the limits of the program are not limits");
	if (k->m->r.auxv.size % (2 * sizeof(uint64_t)))
		return wrong(k, 0, "the auxiliary vector is cut off");
	return 0;
}

/* ---- the kernel's code ---- */

/*
 * This kernel's vdso may lie anywhere that this space does not use, best where a short jump reaches
 * it.
 */
static int vdso_place(const struct check *k)
{
	CLEANUP_RANGES struct ranges used = { 0 };
	uint64_t size = vdso_area_size(&vdso_here()->record);
	ranges_add_memory(&used, k->m);
	k->m->vdso.here = ranges_find_near(&used, k->m->vdso.start, size);
	return k->m->vdso.here ? 0 : wrong(k, 0, "no place is left for the kernel's own code");
}

static int vdso_load(const struct check *k)
{
	struct memory *m = k->m;
	if (!m->r.vdso)
		return m->r.vdso_start ? wrong(k, m->r.vdso_start, "a vdso that is none") : 0;
	struct vdso_record *r = arena_alloc(k->arena, sizeof(*r));
	int err = image_get(k->img, "vdso", m->r.vdso, vdso_record_fields, k->arena, r, k->err);
	if (err < 0)
		return err;
	uint64_t parts = r->vvar | r->vclock | r->code.size | m->r.vdso_start;
	if (parts & (SPACE_PAGE - 1) || !r->code.size || r->vvar > VDSO_CODE_MAX ||
	    r->vclock > VDSO_CODE_MAX || m->r.vdso_start < SPACE_MIN ||
	    m->r.vdso_start > SPACE_END_5 - vdso_area_size(r))
		return wrong(k, m->r.vdso_start, "the vdso is not made of pages in user space");
	uint64_t end = m->r.vdso_start + vdso_area_size(r);
	for (size_t i = 0; i < m->n_maps; i++)
		if (m->maps[i].start < end && m->maps[i].end > m->r.vdso_start)
			return wrong(k, m->maps[i].start, "a mapping lies over the vdso");
	m->vdso.record = r;
	m->vdso.start = m->r.vdso_start;
	const struct vdso_here *here = vdso_here();
	m->vdso.stale = !here->there || !vdso_equal(r, &here->record);
	if (!m->vdso.stale) {
		m->vdso.here = m->vdso.start;
		return 0;
	}
	struct vdso_elf elf;
	if (vdso_parse(r->code.data, r->code.size, &elf) < 0)
		return wrong(k, m->vdso.start, "the vdso is no ELF image");
	return here->there ? vdso_place(k) : 0;
}

/* ---- the whole ---- */

int memory_load(struct image *img, uint64_t mm, struct arena *arena, struct memory **ret,
		struct error *err)
{
	struct memory *m = arena_alloc(arena, sizeof(*m));
	struct check k = { img, arena, m, err };
	m->id = mm;
	int r = image_get(img, "mm", mm, memory_record_fields, arena, &m->r, err);
	if (r < 0)
		return r;
	m->maps = m->r.maps.v;
	m->n_maps = m->r.maps.n;
	m->pages = (const struct mapping_pages *)m->r.pages.v;
	m->n_pages = m->r.pages.n / 3;
	m->guards = (const struct mapping_guard *)m->r.guards.v;
	m->n_guards = m->r.guards.n / 2;
	int (*const checks[])(const struct check *k) = { mappings_check, pages_check, guards_check,
							 numbers_check, vdso_load };
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if ((r = checks[i](&k)) < 0)
			return r;
	*ret = m;
	return 0;
}

/* ---- what the others of this room ask ---- */

size_t memory_pages_from(const struct memory *m, uint64_t address)
{
	size_t low = 0, high = m->n_pages;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->pages[middle].address + m->pages[middle].n * SPACE_PAGE <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool mapping_has_pages(const struct memory *m, const struct mapping_record *map)
{
	size_t i = memory_pages_from(m, map->start);
	return i < m->n_pages && m->pages[i].address < map->end;
}

uint32_t mapping_building_prot(const struct mapping_record *m, bool has_pages)
{
	if (m->flags & MAPPING_SHARED || !has_pages || m->prot & PROT_WRITE)
		return m->prot;
	return PROT_READ | PROT_WRITE;
}

void memory_vdso(const struct memory *m, uint64_t *ret_start, uint64_t *ret_code)
{
	*ret_start = m->vdso.here;
	*ret_code = m->vdso.here ? m->vdso.here + vdso_code_offset(&vdso_here()->record) : 0;
}

bool memory_vdso_stale(const struct memory *m, uint64_t address)
{
	return m->vdso.stale && address >= m->vdso.start &&
	       address < m->vdso.start + vdso_area_size(m->vdso.record);
}
