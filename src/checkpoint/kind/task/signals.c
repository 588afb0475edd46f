/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.c - what a process does on each signal: handler, flags, restorer, mask. sigaction(2).
 *
 * Every action is set on restore, the default ones too, since a program begins with what its forker had. SIGCHLD
 * comes last, and first as default: that throws away what the deaths of helpers and zombies have queued.
 */
#include "checkpoint/kind/task_kind.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#define N_SIGNALS 64

/* The kernel's struct sigaction: not the C library's. */
struct action {
	uint64_t handler, flags, restorer, mask;
};

struct action_record {
	int32_t signal;
	struct action action;
};

struct signals_record {
	struct list actions;
};

static const struct field action_fields[] = {
	FIELD(struct action_record, signal, I32),
	{ .name = "handler",
	  .type = FIELD_U64,
	  .offset = offsetof(struct action_record, action.handler),
	  .optional = true },
	{ .name = "flags",
	  .type = FIELD_U64,
	  .offset = offsetof(struct action_record, action.flags),
	  .optional = true },
	{ .name = "restorer",
	  .type = FIELD_U64,
	  .offset = offsetof(struct action_record, action.restorer),
	  .optional = true },
	{ .name = "mask",
	  .type = FIELD_U64,
	  .offset = offsetof(struct action_record, action.mask),
	  .optional = true },
	FIELDS_END,
};

static const struct field signals_fields[] = {
	FIELD(struct signals_record, actions, LIST, .max = N_SIGNALS, .fields = action_fields,
	      .size = sizeof(struct action_record)),
	FIELDS_END,
};

struct cookie {
	uint64_t actions; /* struct action [N_SIGNALS + 1] */
};

static bool is_settable(int sig)
{
	return sig != SIGKILL && sig != SIGSTOP;
}

static int signals_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	cookie->actions = program_data(visit, NULL, (N_SIGNALS + 1) * sizeof(struct action));
	program_what(visit, "ask for the signal actions");
	for (uint64_t sig = 1; sig <= N_SIGNALS; sig++)
		if (is_settable((int)sig))
			program_call(visit, SYS_rt_sigaction, sig, 0,
				     cookie->actions + sig * sizeof(struct action), 8);
	return 0;
}

static int signals_collect(struct collect *c, const struct task_facts *t,
			   const struct program *visit, const void *data, void *record,
			   bool *ret_none, struct error *err)
{
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	struct signals_record *rec = record;
	const struct action *asked = program_at(visit, cookie->actions), none = { 0 };
	struct action_record *v = NULL;
	size_t n = 0;
	for (int sig = 1; sig <= N_SIGNALS; sig++) {
		if (memcmp(&asked[sig], &none, sizeof(none)) == 0)
			continue;
		struct action_record *a = arena_push(c->arena, v, n);
		*a = (struct action_record){ sig, asked[sig] };
	}
	rec->actions = (struct list){ v, n };
	*ret_none = n == 0;
	return 0;
}

static void action_emit(struct emit *e, int sig, const struct action *a)
{
	program_call(e->p, SYS_rt_sigaction, (uint64_t)sig, program_data(e->p, a, sizeof(*a)), 0,
		     8);
}

static int signals_emit(struct emit *e, const void *record, struct error *err)
{
	const struct signals_record *rec = record;
	const struct action_record *v = rec->actions.v;
	struct action actions[N_SIGNALS + 1] = { 0 }, none = { 0 };
	for (size_t i = 0; i < rec->actions.n; i++) {
		if (v[i].signal < 1 || v[i].signal > N_SIGNALS || !is_settable(v[i].signal))
			return error_set(err, EBADMSG, "an action of signal %d", v[i].signal);
		actions[v[i].signal] = v[i].action;
	}
	program_what(e->p, "set the signal actions");
	for (int sig = 1; sig <= N_SIGNALS; sig++)
		if (is_settable(sig) && sig != SIGCHLD)
			action_emit(e, sig, &actions[sig]);
	action_emit(e, SIGCHLD, &none);
	if (memcmp(&actions[SIGCHLD], &none, sizeof(none)) != 0)
		action_emit(e, SIGCHLD, &actions[SIGCHLD]);
	return 0;
}

const struct task_kind task_kind_signals = {
	.name = "signals",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_PROCESS,
	.fields = signals_fields,
	.size = sizeof(struct signals_record),
	.cookie = sizeof(struct cookie),
	.ask = signals_ask,
	.collect = signals_collect,
	.emit = signals_emit,
};
