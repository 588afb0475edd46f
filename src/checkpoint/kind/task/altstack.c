/* SPDX-License-Identifier: Apache-2.0 */
/*
 * altstack.c - a thread's alternate signal stack. sigaltstack(2). Whether the thread is on it follows from its stack
 * pointer: only SS_AUTODISARM is a flag of its own.
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#define STACK_AUTODISARM (1u << 31)

struct altstack_record {
	uint64_t base, size;
	uint32_t flags;
};

static const struct field altstack_fields[] = {
	FIELD(struct altstack_record, base, U64),
	FIELD(struct altstack_record, size, U64),
	FIELD(struct altstack_record, flags, U32, .optional = true),
	FIELDS_END,
};

/* stack_t of the kernel */
struct stack {
	uint64_t base;
	uint32_t flags, pad;
	uint64_t size;
};

struct cookie {
	uint64_t stack;
};

static int altstack_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	cookie->stack = program_data(visit, NULL, sizeof(struct stack));
	program_what(visit, "ask for the alternate signal stack");
	program_call(visit, SYS_sigaltstack, 0, cookie->stack);
	return 0;
}

static int altstack_collect(struct collect *c, const struct task_facts *t,
			    const struct program *visit, const void *data, void *record,
			    bool *ret_none, struct error *err)
{
	(void)c;
	(void)t;
	(void)err;
	const struct cookie *cookie = data;
	const struct stack *s = program_at(visit, cookie->stack);
	struct altstack_record *rec = record;
	*rec = (struct altstack_record){ s->base, s->size, s->flags & STACK_AUTODISARM };
	*ret_none = (s->flags & SS_DISABLE) || !s->size;
	return 0;
}

static int altstack_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct altstack_record *rec = record;
	struct stack s = { .base = rec->base, .flags = rec->flags, .size = rec->size };
	program_what(e->p, "set the alternate signal stack");
	program_call(e->p, SYS_sigaltstack, program_data(e->p, &s, sizeof(s)), 0);
	return 0;
}

const struct task_kind task_kind_altstack = {
	.name = "altstack",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = altstack_fields,
	.size = sizeof(struct altstack_record),
	.cookie = sizeof(struct cookie),
	.ask = altstack_ask,
	.collect = altstack_collect,
	.emit = altstack_emit,
};
