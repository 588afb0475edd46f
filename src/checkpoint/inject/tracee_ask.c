/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracee_ask.c - one thread of somebody else's, which waits in a system call that we, or somebody for us, shall end: it is
 * seized, asked to stop, and then waited for. It stops on its way out of the call, before an instruction of its own.
 * See tracee.h.
 */
#include <string.h>

#include "base/buf.h"
#include "checkpoint/inject/home.h"
#include "checkpoint/inject/tracee.h"
#include "checkpoint/inject/trap.h"
#include "sys/tracing.h"

static int ask_failed(const struct tracee *t, int r, struct error *err)
{
	if (r == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, "it does not come back from its system call");
	else if (r == -ESRCH)
		error_set(err, ESRCH, "it has ended");
	else
		error_sys(err, -r, "cannot trace it");
	return trap_object(t, err);
}

int tracee_catch(pid_t tid, struct tracee *ret, struct error *err)
{
	struct tracee t = { .tid = tid, .tgid = tid, .state = 'R' };
	struct trap_facts f = { 0 };
	if (trap_facts_read(tid, &f) == 0)
		t.tgid = f.tgid;
	int r = trace_seize(tid, PTRACE_O_TRACESYSGOOD);
	if (r < 0 && f.tracer) {
		error_set(err, EBUSY, "process %d traces it", (int)f.tracer);
		error_hint(err, "end that debugger or tracer first");
		return trap_object(&t, err);
	}
	if (r < 0)
		return ask_failed(&t, r, err);
	t.traced = true;
	t.home = home_new(home_gates_new());
	*ret = t;
	return 0;
}

int tracee_ask(struct tracee *t, struct error *err)
{
	int r = trace_interrupt(t->tid);
	return r < 0 ? ask_failed(t, r, err) : 0;
}

int tracee_await(struct tracee *t, unsigned timeout_ms, struct error *err)
{
	struct trap_status s = { TRAP_NONE, 0 };
	int64_t deadline = trap_deadline(timeout_ms);
	int r = trap_wait(t, deadline, &s);
	while (r == 0 && s.trap != TRAP_STOP) {
		if (s.trap == TRAP_GONE || s.trap == TRAP_DIED) {
			t->traced = t->stopped = false;
			return ask_failed(t, -ESRCH, err);
		}
		/* any other trap has cleared what was asked for */
		r = trace_interrupt(t->tid);
		t->stopped = false;
		if (r == 0)
			r = trace_continue(t->tid, s.signal);
		if (r == 0)
			r = trap_wait(t, deadline, &s);
	}
	if (r < 0)
		return ask_failed(t, r, err);
	r = trap_load(t, err);
	if (r == 0)
		home_stack_pointer(t->home, t->regs.rsp);
	return r < 0 && r != -ENOTSUP ? ask_failed(t, r, err) : r;
}

int tracee_answer(struct tracee *t, int64_t result, struct error *err)
{
	struct user_regs_struct regs = t->regs;
	regs.rax = (uint64_t)result;
	return tracee_set(t, &regs, NULL, 0, trap_mask(t), err);
}

void tracee_free(struct tracee *t)
{
	struct home_gates *gates = t->home ? t->home->gates : NULL;
	tracee_done(t);
	if (gates)
		home_gates_free(gates);
}
