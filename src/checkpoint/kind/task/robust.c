/* SPDX-License-Identifier: Apache-2.0 */
/*
 * robust.c - the two addresses that the kernel writes to when a thread ends: its list of robust futexes
 * (get_robust_list(2), read from outside) and the word that pthread_join(3) waits for (set_tid_address(2)).
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct robust_record {
	uint64_t list, size; /* of the robust list's head */
	uint64_t tid_address;
};

static const struct field robust_fields[] = {
	FIELD(struct robust_record, list, U64, .optional = true),
	FIELD(struct robust_record, size, U64, .optional = true),
	FIELD(struct robust_record, tid_address, U64, .optional = true),
	FIELDS_END,
};

struct cookie {
	uint64_t address, result;
};

static int robust_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	cookie->address = program_data(visit, NULL, sizeof(uint64_t));
	program_what(visit, "ask for the address of the thread's id");
	program_call(visit, SYS_prctl, PR_GET_TID_ADDRESS, cookie->address)->want = WANT_ANY;
	cookie->result = program_result(visit);
	return 0;
}

static int robust_collect(struct collect *c, const struct task_facts *t,
			  const struct program *visit, const void *data, void *record,
			  bool *ret_none, struct error *err)
{
	(void)c;
	const struct cookie *cookie = data;
	struct robust_record *rec = record;
	if (task_answer(visit, cookie->result) < 0)
		return error_set(err, ENOSYS,
				 "this kernel does not tell the address of a thread's id "
				 "(CONFIG_CHECKPOINT_RESTORE)");
	rec->tid_address = *(const uint64_t *)program_at(visit, cookie->address);
	size_t size = 0;
	if (syscall(SYS_get_robust_list, t->tid, &rec->list, &size) < 0) {
		if (errno != ENOSYS)
			return error_sys(err, errno, "cannot read the list of robust futexes");
		rec->list = 0;
	}
	rec->size = rec->list ? size : 0;
	*ret_none = !rec->list && !rec->tid_address;
	return 0;
}

static int robust_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct robust_record *rec = record;
	program_what(e->p, "set the list of robust futexes");
	if (rec->list)
		program_call(e->p, SYS_set_robust_list, rec->list, rec->size);
	program_what(e->p, "set the address of the thread's id");
	program_call(e->p, SYS_set_tid_address, rec->tid_address);
	return 0;
}

const struct task_kind task_kind_robust = {
	.name = "robust",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = robust_fields,
	.size = sizeof(struct robust_record),
	.cookie = sizeof(struct cookie),
	.ask = robust_ask,
	.collect = robust_collect,
	.emit = robust_emit,
};
