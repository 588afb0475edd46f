/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.c - memory_collect(): a stopped address space becomes its record, and its pages go to the
 * image.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "checkpoint/memory/page_copy.h"
#include "checkpoint/memory/space.h"
#include "checkpoint/memory/vdso.h"

#define ANON_PREFIX "[anon:"
#define VDSO_PARTS  3

/* One collection under way. */
struct space {
	struct memory_dump *d;
	struct collect *c;
	const struct memory_source *src;
	struct arena arena;
	struct memory_record r;
	struct mapping_record *maps;
	size_t n_maps;
	const struct maps_entry **from; /* of maps[i] */
	size_t n_from;
	struct maps_entry vdso[VDSO_PARTS]; /* [vvar], [vvar_vclock], [vdso] */
	struct mapping_guard *guards;
	size_t n_guards;
};

struct memory_dump *memory_dump_new(void)
{
	struct memory_dump *d = xcalloc(1, sizeof(*d));
	d->buffer = xmalloc(DUMP_BUFFER);
	d->other = xmalloc(IMAGE_PAGE);
	return d;
}

void memory_dump_free(struct memory_dump *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_stand_ins; i++)
		fd_close(d->stand_ins[i].fd);
	arena_done(&d->arena);
	free(d->buffer);
	free(d->other);
	free(d);
}

/* ---- mappings ---- */

static const char *const vdso_names[VDSO_PARTS] = { "[vvar]", "[vvar_vclock]", "[vdso]" };

/* The kernel's own mappings: taken note of. [vsyscall] is the same in all processes. */
static bool space_add_special(struct space *s, const struct maps_entry *e)
{
	if (str_eq(e->name, "[vsyscall]"))
		return true;
	for (size_t i = 0; i < VDSO_PARTS; i++)
		if (str_eq(e->name, vdso_names[i])) {
			s->vdso[i] = *e;
			return true;
		}
	return false;
}

static uint32_t page_shift(uint64_t size)
{
	uint32_t shift = 0;
	while (size > 1) {
		size >>= 1;
		shift++;
	}
	return shift;
}

static bool is_anonymous(const struct maps_entry *e)
{
	if (e->inode == 0 && e->dev_major == 0 && e->dev_minor == 0)
		return true;
	/* what MAP_ANONYMOUS | MAP_HUGETLB | MAP_PRIVATE maps is a file to the kernel only */
	return !e->shared && e->flags & MAPS_HUGETLB && str_has_prefix(e->name, "/anon_hugepage");
}

static char *anonymous_name(struct space *s, const struct maps_entry *e)
{
	if (!str_has_prefix(e->name, ANON_PREFIX))
		return NULL;
	const char *name = e->name + sizeof(ANON_PREFIX) - 1;
	size_t n = strlen(name);
	return arena_strndup(&s->arena, name, n && name[n - 1] == ']' ? n - 1 : n);
}

static int space_add(struct space *s, const struct maps_entry *e, struct error *err)
{
	if (space_add_special(s, e) || mapping_refuse(s->c, s->src->pid, e))
		return 0;
	struct mapping_record m = { .start = e->start, .end = e->end, .prot = e->prot };
	for (const struct mapping_flag_row *row = mapping_flag_rows; row->flag; row++)
		if (e->flags & row->maps)
			m.flags |= row->flag;
	if (e->shared)
		m.flags |= MAPPING_SHARED;
	if (m.flags & MAPPING_HUGETLB)
		m.page_shift = page_shift(e->page);
	if (is_anonymous(e)) {
		m.name = anonymous_name(s, e);
	} else {
		int64_t id = mapped_file_take(s->d, s->c, s->src->pid, e, err);
		if (id < 0)
			return (int)id;
		m.file = (uint64_t)id;
		m.offset = e->offset;
	}
	*arena_push(&s->arena, s->maps, s->n_maps) = m;
	*arena_push(&s->arena, s->from, s->n_from) = e;
	return 0;
}

/*
 * Our own program is in the space: that range is left out. What the kernel gave it tells what it
 * gives to every new mapping.
 */
static int space_add_but_ours(struct space *s, const struct maps_entry *e, struct error *err)
{
	uint64_t start = s->src->skip_base, end = start + s->src->skip_size;
	if (e->end <= start || e->start >= end)
		return space_add(s, e, err);
	s->r.lock_future = (e->flags & MAPS_LOCKED) && 1;
	s->r.lock_future_onfault = (e->flags & MAPS_LOCKED_ONFAULT) && 1;
	s->r.merge_any = (e->flags & MAPS_MERGEABLE) && 1;
	struct maps_entry *below = arena_alloc(&s->arena, sizeof(*e)),
			  *above = arena_alloc(&s->arena, sizeof(*e));
	*below = *above = *e;
	below->end = start;
	above->start = end;
	int r = below->start < below->end ? space_add(s, below, err) : 0;
	return r == 0 && above->start < above->end ? space_add(s, above, err) : r;
}

/* ---- the vdso ---- */

static uint64_t part_size(const struct maps_entry *e)
{
	return e->end - e->start;
}

static const struct vdso_seen *vdso_find(const struct memory_dump *d, const struct vdso_record *r)
{
	for (size_t i = 0; i < d->n_vdsos; i++) {
		const struct vdso_record *k = &d->vdsos[i].record;
		if (k->vvar == r->vvar && k->vclock == r->vclock && k->code.size == r->code.size &&
		    memcmp(k->code.data, r->code.data, r->code.size) == 0)
			return &d->vdsos[i];
	}
	return NULL;
}

/* Gives it a record, if it is the first of its kind. */
static int vdso_put(struct space *s, struct vdso_record *r, struct error *err)
{
	const struct vdso_seen *known = vdso_find(s->d, r);
	if (known) {
		s->r.vdso = known->id;
		return 0;
	}
	struct vdso_seen *seen = arena_push(&s->d->arena, s->d->vdsos, s->d->n_vdsos);
	*seen = (struct vdso_seen){ s->d->n_vdsos, *r };
	seen->record.code.data = arena_alloc(&s->d->arena, r->code.size);
	memcpy(seen->record.code.data, r->code.data, r->code.size);
	s->r.vdso = seen->id;
	return collect_put(s->c, "vdso", seen->id, vdso_record_fields, &seen->record, err);
}

static int space_add_vdso(struct space *s, struct error *err)
{
	const struct maps_entry *vvar = &s->vdso[0], *vclock = &s->vdso[1], *code = &s->vdso[2];
	pid_t pid = s->src->pid;
	if (!vvar->end && !vclock->end && !code->end)
		return 0;
	uint64_t behind = vvar->end;
	if (vclock->end) {
		behind = vclock->start == behind ? vclock->end : 0;
	}
	if (!code->end || code->start != behind || part_size(code) > VDSO_CODE_MAX)
		return collect_refuse(s->c, pid, "vdso", "the program moved parts of it apart",
				      NULL);
	struct vdso_record r = { .vvar = part_size(vvar), .vclock = part_size(vclock) };
	r.code.size = part_size(code);
	r.code.data = arena_alloc(&s->arena, r.code.size);
	struct iovec local = { r.code.data, r.code.size },
		     remote = { (void *)(uintptr_t)code->start, r.code.size };
	ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (got != (ssize_t)r.code.size)
		return error_sys(err, got < 0 ? errno : EIO, "cannot read the vdso of pid %d",
				 (int)pid);
	struct vdso_elf elf;
	if (vdso_parse(r.code.data, r.code.size, &elf) < 0)
		return collect_refuse(s->c, pid, "vdso", "it is not that of a 64-bit program",
				      "use a 64-bit build of the program");
	s->r.vdso_start = vvar->start;
	return vdso_put(s, &r, err);
}

/* ---- pages ---- */

static const struct space_seen *space_find(const struct memory_dump *d, uint64_t mm)
{
	for (size_t i = d->n_spaces; mm && i > 0; i--)
		if (d->spaces[i - 1].mm == mm)
			return &d->spaces[i - 1];
	return NULL;
}

/* A page that nobody can read: not a fault of ours, so it is refused and the dump goes on. */
static int page_refuse(struct space *s, uint64_t address, int r, struct error *err)
{
	if (r != -EFAULT)
		return r;
	char text[64];
	(void)snprintf(text, sizeof(text), "page %" PRIx64, address);
	error_clear(err);
	return collect_refuse(s->c, s->src->pid, text, "it cannot be read",
			      "the memory may be broken, see dmesg(1)");
}

static void guard_add(struct space *s, const struct page_run *run)
{
	*arena_push(&s->arena, s->guards, s->n_guards) =
		(struct mapping_guard){ run->start, (run->end - run->start) / IMAGE_PAGE };
}

static int mapping_copy(struct space *s, struct page_copy *pc, struct pagemap *pm, size_t i,
			struct error *err)
{
	const struct mapping_record *m = &s->maps[i];
	/*
	 * what may be dropped at any time is dropped: it is random numbers that nobody shall see
	 * twice
	 */
	if (m->flags & (MAPPING_SHARED | MAPPING_DROPPABLE))
		return 0;
	/*
	 * without the help of the kernel an empty reservation of terabytes would be read page by
	 * page
	 */
	if (!pagemap_scans(pm) && !s->from[i]->own)
		return 0;
	const struct page_copy_mode mode = {
		.forced = !(m->prot & PROT_READ),
		.zeroes = m->file != 0,
		.common = s->from[i]->common != 0,
	};
	struct page_run run;
	uint64_t bad = 0;
	for (uint64_t at = m->start; at < m->end; at = run.end) {
		int r = pagemap_next(pm, at, m->end, &run);
		if (r < 0)
			return error_sys(err, -r, "cannot read the page tables of pid %d",
					 (int)s->src->pid);
		if (r == 0)
			break;
		if (run.guard) {
			guard_add(s, &run);
			continue;
		}
		r = page_copy_add(pc, run.start, run.end, &mode, &bad, err);
		if (r < 0)
			return page_refuse(s, bad, r, err);
	}
	return 0;
}

static int space_copy(struct space *s, struct page_copy *pc, struct error *err)
{
	CLEANUP_PAGEMAP struct pagemap pm = { .fd = FD_NONE };
	uint64_t limit = s->n_maps ? s->maps[s->n_maps - 1].end : 0, bad = 0;
	int r = pagemap_open(s->c->proc, s->src->pid, limit, &pm);
	if (r < 0)
		return error_sys(err, -r, "cannot read the page tables of pid %d",
				 (int)s->src->pid);
	for (size_t i = 0; r == 0 && i < s->n_maps; i++)
		r = mapping_copy(s, pc, &pm, i, err);
	if (r == 0 && (r = page_copy_flush(pc, &bad, err)) < 0)
		r = page_refuse(s, bad, r, err);
	return r;
}

/* Copies the pages, and remembers where they went for those that were forked from here. */
static int space_add_pages(struct space *s, struct error *err)
{
	CLEANUP_PAGE_COPY struct page_copy pc = { .mem = FD_NONE,
						  .parent_mem = FD_NONE,
						  .frames.fd = FD_NONE,
						  .parent_frames.fd = FD_NONE };
	int r = page_copy_begin(&pc, s->d, s->c, s->src->pid, space_find(s->d, s->src->parent_mm),
				err);
	if (r == 0)
		r = image_pages_begin(s->c->w, err);
	if (r < 0)
		return r;
	r = space_copy(s, &pc, err);
	if (r < 0)
		return r;
	r = image_pages_end(s->c->w, err);
	if (r < 0)
		return r;
	struct mapping_pages *v;
	struct space_seen *seen = arena_push(&s->d->arena, s->d->spaces, s->d->n_spaces);
	*seen = (struct space_seen){ .mm = s->src->mm, .pid = s->src->pid };
	page_copy_end(&pc, &v, &seen->n_pages);
	size_t size = seen->n_pages * sizeof(*v);
	struct mapping_pages *kept = arena_alloc(&s->d->arena, size);
	if (size)
		memcpy(kept, v, size);
	free(v);
	seen->pages = kept;
	s->r.pages = (struct u64s){ (uint64_t *)kept, 3 * seen->n_pages };
	s->r.guards = (struct u64s){ (uint64_t *)s->guards, 2 * s->n_guards };
	return 0;
}

/* ---- the whole ---- */

/* Where the heap ends: told, or as far as it is mapped. */
static uint64_t space_brk(const struct space *s)
{
	uint64_t brk = s->src->brk ? s->src->brk : s->r.numbers.start_brk;
	for (size_t i = 0; !s->src->brk && i < s->n_maps; i++)
		if (str_eq(s->from[i]->name, "[heap]"))
			brk = MAX(brk, s->maps[i].end);
	return brk;
}

static int space_collect(struct space *s, struct error *err)
{
	struct maps_entry *v;
	size_t n;
	int r = maps_read(s->c->proc, s->src->pid, true, &s->arena, &v, &n);
	if (r < 0 || n == 0)
		return error_sys(err, r < 0 ? -r : ESRCH, "cannot read the mappings of pid %d",
				 (int)s->src->pid);
	for (size_t i = 0; i < n; i++)
		if ((r = space_add_but_ours(s, &v[i], err)) < 0)
			return r;
	if ((r = space_add_vdso(s, err)) < 0 ||
	    (r = space_facts(s->c, s->src, &s->arena, &s->r, err)) < 0)
		return r;
	int64_t exe = mapped_file_take_exe(s->d, s->c, s->src->pid, err);
	if (exe < 0)
		return (int)exe;
	s->r.exe = (uint64_t)exe;
	s->r.numbers.brk = space_brk(s);
	s->r.maps = (struct list){ s->maps, s->n_maps };
	if (s->c->w && (r = space_add_pages(s, err)) < 0)
		return r;
	return collect_put(s->c, "mm", s->src->mm, memory_record_fields, &s->r, err);
}

int memory_collect(struct memory_dump *d, struct collect *c, const struct memory_source *src,
		   struct error *err)
{
	struct space s = { .d = d, .c = c, .src = src };
	int r = space_collect(&s, err);
	arena_done(&s.arena);
	return r < 0 ? error_object(err, "memory of pid %d", (int)src->pid) : 0;
}
