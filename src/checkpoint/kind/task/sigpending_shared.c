/* SPDX-License-Identifier: Apache-2.0 */
/* sigpending_shared.c - pending signals: a process', that any of its threads may take. */
#include "checkpoint/kind/pending.h"

static int sigpending_shared_collect(struct collect *c, const struct task_facts *t,
				     const struct program *visit, const void *cookie, void *record,
				     bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct pending_record *rec = record;
	int r = pending_collect(c, t, true, rec, err);
	*ret_none = rec->infos.size == 0;
	return r;
}

static int sigpending_shared_emit(struct emit *e, const void *record, struct error *err)
{
	return pending_emit(e, record, true, err);
}

const struct task_kind task_kind_sigpending_shared = {
	.name = "sigpending_shared",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_PENDING,
	.fields = pending_fields,
	.size = sizeof(struct pending_record),
	.collect = sigpending_shared_collect,
	.emit = sigpending_shared_emit,
};
