/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86.c - what only threads on x86-64 have: whether they may read the time stamp counter and ask the processor what it is,
 * and, for the whole process, permission to use large register sets (AMX). prctl(2), arch_prctl(2).
 */
#include "checkpoint/kind/task_kind.h"

#include <linux/prctl.h>
#include <sys/syscall.h>

#define ARCH_GET_CPUID	    0x1011
#define ARCH_SET_CPUID	    0x1012
#define ARCH_GET_XCOMP_PERM 0x1022 /* Linux 5.16 */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_TILE_DATA  18 /* the only set that must be asked for */

struct x86_record {
	bool no_tsc, no_cpuid;
	uint64_t permissions; /* mask of register sets; of the leader only */
};

static const struct field x86_fields[] = {
	FIELD(struct x86_record, no_tsc, BOOL, .optional = true),
	FIELD(struct x86_record, no_cpuid, BOOL, .optional = true),
	FIELD(struct x86_record, permissions, U64, .optional = true),
	FIELDS_END,
};

struct cookie {
	uint64_t tsc, cpuid_result, permissions, permissions_result;
};

static int x86_ask(const struct task_facts *t, struct program *visit, void *data)
{
	struct cookie *cookie = data;
	cookie->tsc = program_data(visit, NULL, sizeof(uint32_t));
	program_what(visit, "ask for the attributes of a thread on x86-64");
	program_call(visit, SYS_prctl, PR_GET_TSC, cookie->tsc)->want = WANT_ANY;
	program_call(visit, SYS_arch_prctl, ARCH_GET_CPUID)->want = WANT_ANY;
	cookie->cpuid_result = program_result(visit);
	if (!t->leader)
		return 0;
	cookie->permissions = program_data(visit, NULL, sizeof(uint64_t));
	program_call(visit, SYS_arch_prctl, ARCH_GET_XCOMP_PERM, cookie->permissions)->want =
		WANT_ANY;
	cookie->permissions_result = program_result(visit);
	return 0;
}

static int x86_collect(struct collect *c, const struct task_facts *t, const struct program *visit,
		       const void *data, void *record, bool *ret_none, struct error *err)
{
	(void)c;
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	struct x86_record *rec = record;
	rec->no_tsc = *(const uint32_t *)program_at(visit, cookie->tsc) == PR_TSC_SIGSEGV;
	rec->no_cpuid = task_answer(visit, cookie->cpuid_result) == 0;
	if (task_answer(visit, cookie->permissions_result) == 0)
		rec->permissions = *(const uint64_t *)program_at(visit, cookie->permissions) &
				   UINT64_C(1) << XFEATURE_TILE_DATA;
	*ret_none = !rec->no_tsc && !rec->no_cpuid && !rec->permissions;
	return 0;
}

static int x86_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct x86_record *rec = record;
	program_what(e->p, "get permission to use AMX registers");
	if (rec->permissions & UINT64_C(1) << XFEATURE_TILE_DATA)
		program_call(e->p, SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_TILE_DATA);
	program_what(e->p, "forbid the time stamp counter");
	if (rec->no_tsc)
		program_call(e->p, SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV);
	program_what(e->p, "forbid the CPUID instruction");
	if (rec->no_cpuid)
		program_call(e->p, SYS_arch_prctl, ARCH_SET_CPUID, 0);
	return 0;
}

const struct task_kind task_kind_x86 = {
	.name = "x86",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = x86_fields,
	.size = sizeof(struct x86_record),
	.cookie = sizeof(struct cookie),
	.ask = x86_ask,
	.collect = x86_collect,
	.emit = x86_emit,
};
