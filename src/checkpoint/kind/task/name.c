/* SPDX-License-Identifier: Apache-2.0 */
/* name.c - a thread's name, as ps -T shows it. PR_SET_NAME, prctl(2). Any bytes, not only text. */
#include "checkpoint/kind/task_kind.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NAME_SIZE 16 /* TASK_COMM_LEN */

struct name_record {
	char *comm;
};

static const struct field name_fields[] = {
	FIELD(struct name_record, comm, TEXT, .max = NAME_SIZE - 1),
	FIELDS_END,
};

static int name_collect(struct collect *c, const struct task_facts *t, const struct program *visit,
			const void *cookie, void *record, bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	(void)err;
	struct name_record *rec = record;
	rec->comm = arena_printf(c->arena, "%.*s", NAME_SIZE - 1, t->comm);
	*ret_none = false;
	return 0;
}

static int name_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct name_record *rec = record;
	char comm[NAME_SIZE] = "";
	(void)snprintf(comm, sizeof(comm), "%s", rec->comm);
	program_what(e->p, "set the thread's name");
	program_call(e->p, SYS_prctl, PR_SET_NAME, program_data(e->p, comm, sizeof(comm)));
	return 0;
}

const struct task_kind task_kind_name = {
	.name = "name",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = name_fields,
	.size = sizeof(struct name_record),
	.collect = name_collect,
	.emit = name_emit,
};
