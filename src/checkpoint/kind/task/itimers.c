/* SPDX-License-Identifier: Apache-2.0 */
/* itimers.c - the three interval timers (and so alarm(2)). getitimer(2). */
#include "checkpoint/kind/task_kind.h"

#include <sys/syscall.h>

#define N_TIMERS 3 /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */

struct itimer {
	int64_t interval_sec, interval_usec, sec, usec;
};

struct itimer_record {
	int32_t which;
	struct itimer timer;
};

struct itimers_record {
	struct list timers;
};

#define TIMER_FIELD(member)                                                                        \
	{                                                                                          \
		.name = #member, .type = FIELD_I64,                                                \
		.offset = offsetof(struct itimer_record, timer.member), .optional = true           \
	}

static const struct field itimer_fields[] = {
	FIELD(struct itimer_record, which, I32, .optional = true),
	TIMER_FIELD(interval_sec),
	TIMER_FIELD(interval_usec),
	TIMER_FIELD(sec),
	TIMER_FIELD(usec),
	FIELDS_END,
};

static const struct field itimers_fields[] = {
	FIELD(struct itimers_record, timers, LIST, .max = N_TIMERS, .fields = itimer_fields,
	      .size = sizeof(struct itimer_record)),
	FIELDS_END,
};

struct cookie {
	uint64_t timers; /* struct itimer [N_TIMERS] */
};

static int itimers_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	cookie->timers = program_data(visit, NULL, N_TIMERS * sizeof(struct itimer));
	program_what(visit, "ask for the interval timers");
	for (uint64_t i = 0; i < N_TIMERS; i++)
		program_call(visit, SYS_getitimer, i, cookie->timers + i * sizeof(struct itimer));
	return 0;
}

static bool is_off(const struct itimer *t)
{
	return !t->sec && !t->usec && !t->interval_sec && !t->interval_usec;
}

static int itimers_collect(struct collect *c, const struct task_facts *t,
			   const struct program *visit, const void *data, void *record,
			   bool *ret_none, struct error *err)
{
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	const struct itimer *asked = program_at(visit, cookie->timers);
	struct itimers_record *rec = record;
	struct itimer_record *v = NULL;
	size_t n = 0;
	for (int i = 0; i < N_TIMERS; i++)
		if (!is_off(&asked[i])) {
			struct itimer_record *one = arena_push(c->arena, v, n);
			*one = (struct itimer_record){ i, asked[i] };
		}
	rec->timers = (struct list){ v, n };
	*ret_none = n == 0;
	return 0;
}

static int itimers_emit(struct emit *e, const void *record, struct error *err)
{
	const struct itimers_record *rec = record;
	const struct itimer_record *v = rec->timers.v;
	program_what(e->p, "set an interval timer");
	for (size_t i = 0; i < rec->timers.n; i++) {
		if (v[i].which < 0 || v[i].which >= N_TIMERS)
			return error_set(err, EBADMSG, "there is no interval timer %d",
					 (int)v[i].which);
		struct itimer t = v[i].timer;
		/*
		 * A periodic one whose signal is pending: the kernel sets it again when the signal is taken. Only
		 * expiring leads there, so it expires now; its signal and the pending one are one.
		 */
		if (!t.sec && !t.usec)
			t.usec = 1;
		program_call(e->p, SYS_setitimer, (uint64_t)v[i].which,
			     program_data(e->p, &t, sizeof(t)), 0);
	}
	return 0;
}

const struct task_kind task_kind_itimers = {
	.name = "itimers",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_TIMERS,
	.fields = itimers_fields,
	.size = sizeof(struct itimers_record),
	.cookie = sizeof(struct cookie),
	.ask = itimers_ask,
	.collect = itimers_collect,
	.emit = itimers_emit,
};
