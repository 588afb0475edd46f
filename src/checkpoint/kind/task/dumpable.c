/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dumpable.c - whether a process may be traced and dumped by its own user. PR_SET_DUMPABLE, prctl(2). It belongs to the address
 * space, but every thread's change of ids clears it: so every thread sets it, after its ids; whoever is
 * last, it comes out right.
 */
#include "checkpoint/kind/task_kind.h"

#include <linux/prctl.h>
#include <sys/syscall.h>

struct dumpable_record {
	int32_t dumpable; /* 0 or 1; 2 (only root) cannot be set: it becomes 0, which hides as much */
};

static const struct field dumpable_fields[] = {
	FIELD(struct dumpable_record, dumpable, I32),
	FIELDS_END,
};

struct cookie {
	uint64_t result;
};

static int dumpable_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	program_what(visit, "ask whether it may be dumped");
	program_call(visit, SYS_prctl, PR_GET_DUMPABLE);
	cookie->result = program_result(visit);
	return 0;
}

static int dumpable_collect(struct collect *c, const struct task_facts *t,
			    const struct program *visit, const void *data, void *record,
			    bool *ret_none, struct error *err)
{
	(void)c;
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	struct dumpable_record *rec = record;
	rec->dumpable = (int32_t)task_answer(visit, cookie->result);
	*ret_none = false;
	return 0;
}

static int dumpable_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct dumpable_record *rec = record;
	program_what(e->p, "set whether it may be dumped");
	program_call(e->p, SYS_prctl, PR_SET_DUMPABLE, rec->dumpable == 1);
	return 0;
}

const struct task_kind task_kind_dumpable = {
	.name = "dumpable",
	.scope = SCOPE_THREAD,
	.phase = PHASE_CREDENTIALS,
	.fields = dumpable_fields,
	.size = sizeof(struct dumpable_record),
	.cookie = sizeof(struct cookie),
	.ask = dumpable_ask,
	.collect = dumpable_collect,
	.emit = dumpable_emit,
};
