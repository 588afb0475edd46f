/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mdwe.c - whether memory of a process may become executable after it was writable. PR_SET_MDWE, prctl(2), Linux 6.3. It cannot be
 * taken back, and would hinder the making of mappings: set at the end.
 */
#include "checkpoint/kind/task_kind.h"

#include <sys/syscall.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif

struct mdwe_record {
	uint32_t flags;
};

static const struct field mdwe_fields[] = {
	FIELD(struct mdwe_record, flags, U32),
	FIELDS_END,
};

struct cookie {
	uint64_t result;
};

static int mdwe_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	program_what(visit, "ask whether memory may become executable");
	program_call(visit, SYS_prctl, PR_GET_MDWE)->want = WANT_ANY;
	cookie->result = program_result(visit);
	return 0;
}

static int mdwe_collect(struct collect *c, const struct task_facts *t, const struct program *visit,
			const void *data, void *record, bool *ret_none, struct error *err)
{
	(void)c;
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	struct mdwe_record *rec = record;
	int64_t flags = task_answer(visit, cookie->result);
	*ret_none = flags <= 0;
	rec->flags = flags > 0 ? (uint32_t)flags : 0;
	return 0;
}

static int mdwe_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct mdwe_record *rec = record;
	program_what(e->p, "deny that memory becomes executable (PR_SET_MDWE, Linux 6.3)");
	program_call(e->p, SYS_prctl, PR_SET_MDWE, rec->flags);
	return 0;
}

const struct task_kind task_kind_mdwe = {
	.name = "mdwe",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_LAST,
	.fields = mdwe_fields,
	.size = sizeof(struct mdwe_record),
	.cookie = sizeof(struct cookie),
	.ask = mdwe_ask,
	.collect = mdwe_collect,
	.emit = mdwe_emit,
};
