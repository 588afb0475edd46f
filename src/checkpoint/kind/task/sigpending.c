/* SPDX-License-Identifier: Apache-2.0 */
/* sigpending.c - pending signals: those sent to one thread. */
#include "checkpoint/kind/pending.h"

static int sigpending_collect(struct collect *c, const struct task_facts *t,
			      const struct program *visit, const void *cookie, void *record,
			      bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct pending_record *rec = record;
	int r = pending_collect(c, t, false, rec, err);
	*ret_none = rec->infos.size == 0;
	return r;
}

static int sigpending_emit(struct emit *e, const void *record, struct error *err)
{
	return pending_emit(e, record, false, err);
}

const struct task_kind task_kind_sigpending = {
	.name = "sigpending",
	.scope = SCOPE_THREAD,
	.phase = PHASE_PENDING,
	.fields = pending_fields,
	.size = sizeof(struct pending_record),
	.collect = sigpending_collect,
	.emit = sigpending_emit,
};
