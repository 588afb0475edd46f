/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subreaper.c - whether a process adopts the orphans among its descendants. PR_SET_CHILD_SUBREAPER, prctl(2). The tree of
 * processes may have needed it earlier; setting it twice does no harm.
 */
#include "checkpoint/kind/task_kind.h"

#include <linux/prctl.h>
#include <sys/syscall.h>

struct subreaper_record {
	bool subreaper;
};

static const struct field subreaper_fields[] = {
	FIELD(struct subreaper_record, subreaper, BOOL),
	FIELDS_END,
};

struct cookie {
	uint64_t value;
};

static int subreaper_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	cookie->value = program_data(visit, NULL, sizeof(uint32_t));
	program_what(visit, "ask whether it adopts orphans");
	program_call(visit, SYS_prctl, PR_GET_CHILD_SUBREAPER, cookie->value);
	return 0;
}

static int subreaper_collect(struct collect *c, const struct task_facts *t,
			     const struct program *visit, const void *data, void *record,
			     bool *ret_none, struct error *err)
{
	(void)c;
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	struct subreaper_record *rec = record;
	rec->subreaper = *(const uint32_t *)program_at(visit, cookie->value);
	*ret_none = !rec->subreaper;
	return 0;
}

static int subreaper_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct subreaper_record *rec = record;
	program_what(e->p, "adopt orphans");
	program_call(e->p, SYS_prctl, PR_SET_CHILD_SUBREAPER, rec->subreaper);
	return 0;
}

const struct task_kind task_kind_subreaper = {
	.name = "subreaper",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_PROCESS,
	.fields = subreaper_fields,
	.size = sizeof(struct subreaper_record),
	.cookie = sizeof(struct cookie),
	.ask = subreaper_ask,
	.collect = subreaper_collect,
	.emit = subreaper_emit,
};
