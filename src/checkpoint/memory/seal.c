/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - memory_emit_seal(): what comes when all children have been forked: protections as they
 * were, advice that a child would not inherit (or that would keep it from inheriting), locks, and
 * what /proc and brk(2) know of the space.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "checkpoint/memory/space.h"

#define SYS_MLOCK2		  325
#define SYS_MSEAL		  462 /* 6.10 */
#define MADV_GUARD_INSTALL_ADVICE 102 /* 6.13 */
#define DEFAULT_FILTER		  0x33

#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* 6.4 */
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

/* A step that may fail where the kernel does not have the thing. */
static void may_lack(struct step *s)
{
	s->want = WANT_OK_OR;
	s->value = -EINVAL;
}

static void seal_advice(struct emit *e, const struct mapping_record *m)
{
	program_what(e->p, "advising about memory");
	for (const struct mapping_flag_row *row = mapping_flag_rows; row->flag; row++) {
		if (!(m->flags & row->flag) || row->advice < 0 || row->flag & MAPPING_FLAGS_THP)
			continue;
		struct step *s = program_call(e->p, SYS_madvise, m->start, m->end - m->start,
					      (uint64_t)row->advice);
		if (row->flag == MAPPING_MERGEABLE)
			may_lack(s);
	}
}

static void seal_lock(struct emit *e, const struct mapping_record *m)
{
	if (!(m->flags & (MAPPING_LOCKED | MAPPING_LOCKED_ONFAULT)))
		return;
	program_what(e->p, "locking memory");
	if (m->flags & MAPPING_LOCKED_ONFAULT)
		program_call(e->p, SYS_MLOCK2, m->start, m->end - m->start, MLOCK_ONFAULT);
	else
		program_call(e->p, SYS_mlock, m->start, m->end - m->start);
}

static void seal_mappings(struct emit *e, const struct memory *mem)
{
	for (size_t i = 0; i < mem->n_maps; i++) {
		const struct mapping_record *m = &mem->maps[i];
		if (mapping_building_prot(m, mapping_has_pages(mem, m)) != m->prot) {
			program_what(e->p, "protecting memory");
			program_call(e->p, SYS_mprotect, m->start, m->end - m->start, m->prot);
		}
		seal_advice(e, m);
		if (m->name) { /* a kernel without names is as good */
			program_what(e->p, "naming memory");
			program_call(e->p, SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, m->start,
				     m->end - m->start, program_text(e->p, m->name))
				->want = WANT_ANY;
		}
	}
	program_what(e->p, "installing guard pages");
	for (size_t i = 0; i < mem->n_guards; i++)
		program_call(e->p, SYS_madvise, mem->guards[i].address,
			     mem->guards[i].n * SPACE_PAGE, MADV_GUARD_INSTALL_ADVICE);
	for (size_t i = 0; i < mem->n_maps; i++)
		seal_lock(e, &mem->maps[i]);
}

/* ---- the space as a whole ---- */

/* The kernel compares, so what it keeps must be what it would have kept. */
static int seal_numbers(struct emit *e, const struct memory *m, struct error *err)
{
	const struct memory_numbers *n = &m->r.numbers;
	int fd = -1;
	if (m->r.exe) {
		fd = e->fd(e->arg, m->r.exe);
		if (fd < 0)
			return error_set(err, -fd, "no open file %llu for the program",
					 (unsigned long long)m->r.exe);
	}
	uint64_t auxv = m->r.auxv.size ? program_data(e->p, m->r.auxv.data, m->r.auxv.size) : 0;
	const struct prctl_mm_map map = {
		.start_code = n->start_code,
		.end_code = n->end_code,
		.start_data = n->start_data,
		.end_data = n->end_data,
		.start_brk = n->start_brk,
		.brk = n->brk,
		.start_stack = n->start_stack,
		.arg_start = n->arg_start,
		.arg_end = n->arg_end,
		.env_start = n->env_start,
		.env_end = n->env_end,
		.auxv = (__u64 *)(uintptr_t)auxv,
		.auxv_size = (uint32_t)m->r.auxv.size,
		.exe_fd = (uint32_t)fd,
	};
	program_what(e->p, "telling the kernel where program, heap, arguments and stack lie");
	program_call(e->p, SYS_prctl, PR_SET_MM, PR_SET_MM_MAP,
		     program_data(e->p, &map, sizeof(map)), sizeof(map));
	return 0;
}

/* Wherever there is no /proc to be found, it keeps what it was born with. */
static void seal_dump_filter(struct emit *e, uint32_t filter)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "0x%x", filter);
	program_what(e->p, "setting what a core dump holds");
	program_call(e->p, SYS_openat, (uint64_t)AT_FDCWD,
		     program_text(e->p, "/proc/self/coredump_filter"), O_WRONLY | O_CLOEXEC)
		->want = WANT_ANY;
	uint64_t fd = program_result(e->p);
	struct step *s =
		program_call(e->p, SYS_write, fd, program_text(e->p, text), (uint64_t)size);
	s->want = WANT_ANY;
	s->refs = 1;
	s = program_call(e->p, SYS_close, fd);
	s->want = WANT_ANY;
	s->refs = 1;
}

static void seal_policy(struct emit *e, const struct memory *m)
{
	program_what(e->p, "setting the policy for new memory");
	program_call(e->p, SYS_prctl, PR_SET_THP_DISABLE, m->r.thp_disable);
	if (m->r.merge_any)
		program_call(e->p, SYS_prctl, PR_SET_MEMORY_MERGE, 1);
	if (m->r.lock_future)
		program_call(e->p, SYS_mlockall,
			     MCL_FUTURE | (m->r.lock_future_onfault ? MCL_ONFAULT : 0));
	if (m->r.dump_filter != DEFAULT_FILTER)
		seal_dump_filter(e, m->r.dump_filter);
}

/* Afterwards nothing of these can be changed by anyone. */
static void seal_sealed(struct emit *e, const struct memory *mem)
{
	program_what(e->p, "sealing memory");
	for (size_t i = 0; i < mem->n_maps; i++) {
		const struct mapping_record *m = &mem->maps[i];
		if (m->flags & MAPPING_SEALED)
			program_call(e->p, SYS_MSEAL, m->start, m->end - m->start, 0);
	}
}

int memory_emit_seal(struct emit *e, const struct memory *m, struct error *err)
{
	seal_mappings(e, m);
	int r = seal_numbers(e, m, err);
	if (r < 0)
		return r;
	seal_policy(e, m);
	seal_sealed(e, m);
	return 0;
}
