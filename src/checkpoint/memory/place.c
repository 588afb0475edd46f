/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - the kernel's own mappings come to their place, see build.h and vdso.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "checkpoint/memory/build.h"

/* Each mapping is moved by itself: one call for all is possible since 6.17 only. */
static void move_area(struct build *b, uint64_t from, uint64_t to)
{
	const struct vdso_record *r = &vdso_here()->record;
	const uint64_t sizes[] = { r->vvar, r->vclock, r->code.size };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i])
			build_call_at(b->e->p, SYS_mremap, to, from, sizes[i], sizes[i],
				      MREMAP_MAYMOVE | MREMAP_FIXED, to);
		from += sizes[i];
		to += sizes[i];
	}
}

static bool overlap(uint64_t a, uint64_t b, uint64_t size)
{
	return a < b + size && b < a + size;
}

/* Somewhere that is free before and after everything. */
static uint64_t temporary_place(const struct build *b, uint64_t size)
{
	CLEANUP_RANGES struct ranges used = { 0 };
	const struct memory_start *s = b->start;
	ranges_add_memory(&used, b->m);
	if (s->parent)
		ranges_add_memory(&used, s->parent);
	ranges_add(&used, s->arena_base, s->arena_base + s->arena_size);
	ranges_add(&used, s->vdso_start, s->vdso_start + s->vdso_size);
	return ranges_find_hole(&used, SPACE_MIN, SPACE_END_4, size, SPACE_PAGE);
}

static int move_here(struct build *b, struct error *err)
{
	const struct memory_start *s = b->start;
	const struct vdso_here *here = vdso_here();
	uint64_t size = vdso_area_size(&here->record), to = b->m->vdso.here;
	if (!here->there || (!s->vdso_size && !to))
		return 0;
	if (s->vdso_size != size || s->vdso_code != s->vdso_start + vdso_code_offset(&here->record))
		return error_set(err, EINVAL,
				 "the process it starts from has not this kernel's vdso");
	program_what(b->e->p, "moving the vdso");
	if (!to) {
		program_call(b->e->p, SYS_munmap, s->vdso_start, size);
		return 0;
	}
	uint64_t from = s->vdso_start;
	if (from != to && overlap(from, to, size)) {
		uint64_t between = temporary_place(b, size);
		if (!between)
			return error_set(err, ENOMEM, "no place is left to move the vdso over");
		move_area(b, from, between);
		from = between;
	}
	if (from != to)
		move_area(b, from, to);
	return 0;
}

/*
 * The image's code, as private memory whose functions go to this kernel's; where its data were,
 * zeroes.
 */
static void make_stale(struct build *b)
{
	const struct memory *m = b->m;
	const struct vdso_record *r = m->vdso.record;
	const struct vdso_here *here = vdso_here();
	struct program *p = b->e->p;
	uint64_t data_size = vdso_code_offset(r), size = r->code.size;
	uint64_t at = m->vdso.start + data_size;
	struct vdso_elf elf;
	if (vdso_parse(r->code.data, size, &elf) < 0)
		return; /* memory_load() has looked */
	uint8_t *code = xmalloc(size);
	memcpy(code, r->code.data, size);
	vdso_patch(code, size, &elf, at, m->vdso.here ? &here->elf : NULL,
		   m->vdso.here + vdso_code_offset(&here->record));
	const uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	program_what(p, "making the vdso of another kernel");
	if (data_size)
		build_call_at(p, SYS_mmap, m->vdso.start, m->vdso.start, data_size, PROT_READ,
			      flags, (uint64_t)-1, 0);
	build_call_at(p, SYS_mmap, at, at, size, PROT_READ | PROT_WRITE, flags, (uint64_t)-1, 0);
	uint64_t data = program_data(p, code, size);
	memcpy(program_step(p, STEP_COPY)->arg, (uint64_t[3]){ at, data, size },
	       3 * sizeof(uint64_t));
	program_call(p, SYS_mprotect, at, size, PROT_READ | PROT_EXEC);
	free(code);
}

int build_vdso(struct build *b, struct error *err)
{
	int r = move_here(b, err);
	if (r == 0 && b->m->vdso.stale && !b->keeps_stale_vdso)
		make_stale(b);
	return r;
}
