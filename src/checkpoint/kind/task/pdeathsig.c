/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pdeathsig.c - the signal that a thread gets when its parent dies. PR_SET_PDEATHSIG, prctl(2). Set after the ids, whose change
 * clears it, and when helpers that were parents for a while are gone.
 */
#include "checkpoint/kind/task_kind.h"

#include <linux/prctl.h>
#include <sys/syscall.h>

struct pdeathsig_record {
	int32_t signal;
};

static const struct field pdeathsig_fields[] = {
	FIELD(struct pdeathsig_record, signal, I32),
	FIELDS_END,
};

struct cookie {
	uint64_t value;
};

static int pdeathsig_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	cookie->value = program_data(visit, NULL, sizeof(int32_t));
	program_what(visit, "ask for the signal of the parent's death");
	program_call(visit, SYS_prctl, PR_GET_PDEATHSIG, cookie->value);
	return 0;
}

static int pdeathsig_collect(struct collect *c, const struct task_facts *t,
			     const struct program *visit, const void *data, void *record,
			     bool *ret_none, struct error *err)
{
	(void)c;
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	struct pdeathsig_record *rec = record;
	rec->signal = *(const int32_t *)program_at(visit, cookie->value);
	*ret_none = rec->signal == 0;
	return 0;
}

static int pdeathsig_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct pdeathsig_record *rec = record;
	program_what(e->p, "set the signal of the parent's death");
	program_call(e->p, SYS_prctl, PR_SET_PDEATHSIG, (uint64_t)rec->signal);
	return 0;
}

const struct task_kind task_kind_pdeathsig = {
	.name = "pdeathsig",
	.scope = SCOPE_THREAD,
	.phase = PHASE_CREDENTIALS,
	.fields = pdeathsig_fields,
	.size = sizeof(struct pdeathsig_record),
	.cookie = sizeof(struct cookie),
	.ask = pdeathsig_ask,
	.collect = pdeathsig_collect,
	.emit = pdeathsig_emit,
};
