/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.c - a thread leaves home, makes calls, and comes back: the order of requests that visit.h promises. Each
 * function here is to be read with the question "and if we die after this line?"
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "checkpoint/inject/frame.h"
#include "checkpoint/inject/home.h"
#include "checkpoint/inject/trap.h"
#include "checkpoint/inject/visit.h"
#include "sys/tracing.h"

#define CALL_MS	      10000
#define ALL_SIGNALS   (~0ULL)
#define FLAGS_TO_DROP 0x500 /* direction, trap: what code of ours does not expect */

static int visit_failed(const struct visit *v, int r, struct error *err)
{
	if (r == -ESRCH)
		error_set(err, ESRCH, "it was killed while we worked in it");
	else if (r == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, "a system call made in it does not end");
	else
		error_sys(err, -r, "cannot work in it");
	if (r == -ETIMEDOUT)
		error_hint(err, "is its control group frozen?");
	return trap_object(v->t, err);
}

/* The frame, where there is room for it. The thread's registers are untouched yet. */
static void visit_guard(struct visit *v)
{
	struct tracee *t = v->t;
	size_t size = frame_size(t);
	uint64_t at = home_room(t, size);
	if (!at)
		return;
	uint8_t *frame = xmalloc(size);
	v->before = xmalloc(size);
	frame_build(t, at, frame);
	/* below the mapping's start there is nothing to be read yet: a stack grows by being written to */
	bool there = tracee_read(t, at, v->before, size) == 0;
	v->guarded = tracee_write(t, at, frame, size) == 0;
	if (!there || !v->guarded) {
		free(v->before);
		v->before = NULL;
	}
	v->frame = at;
	free(frame);
}

static int visit_leave(struct visit *v, struct error *err)
{
	struct tracee *t = v->t;
	v->regs = t->regs;
	v->regs.rip = v->gate;
	v->regs.rax =
		SYS_getpid; /* without a guard the gate is a bare instruction: the number that it begins with */
	v->regs.orig_rax = (uint64_t)-1;
	v->regs.eflags &= ~(uint64_t)FLAGS_TO_DROP;
	if (v->guarded)
		v->regs.rsp = v->frame;
	int r = trace_set_regs(t->tid, &v->regs);
	/* From here to visit_end() the way leads through the gate, which restores the mask as well. */
	if (r == 0)
		r = trace_set_mask(t->tid, ALL_SIGNALS);
	if (r < 0)
		return visit_failed(v, r, err);
	v->suspended = trace_set_options(t->tid, TRAP_OPTIONS | PTRACE_O_SUSPEND_SECCOMP) == 0;
	return 0;
}

int visit_begin(struct tracee *t, struct visit *ret, struct error *err)
{
	*ret = (struct visit){ .t = t };
	int r = home_find(t, err);
	if (r < 0)
		return trap_object(t, err);
	visit_guard(ret);
	ret->gate = ret->guarded ? t->home->gate : t->home->call;
	if (!ret->gate)
		ret->gate = t->home->gate + 7; /* the instruction in the gate that has no frame */
	r = visit_leave(ret, err);
	if (r < 0)
		free(take_ptr(ret->before));
	return r;
}

int visit_begin_at(struct tracee *t, uint64_t gate, uint64_t frame, struct visit *ret,
		   struct error *err)
{
	*ret = (struct visit){ .t = t, .gate = gate, .frame = frame, .guarded = true };
	return visit_leave(ret, err);
}

/* Lets it run to the next entry or exit of a system call. */
static int visit_step(struct visit *v, int64_t deadline)
{
	struct tracee *t = v->t;
	for (;;) {
		struct trap_status s;
		unsigned long born;
		t->stopped = false;
		int r = trace_to_syscall(t->tid);
		if (r == 0)
			r = trap_wait(t, deadline, &s);
		if (r < 0)
			return r;
		switch (s.trap) {
		case TRAP_CALL:
			return 0;
		case TRAP_BIRTH:
			if (trace_event_message(t->tid, &born) == 0)
				t->born = (pid_t)born;
			continue;
		case TRAP_SIGNAL:
			/* All are blocked but this one. It is sent again when the thread is released. */
			if (s.signal == SIGSTOP)
				t->held_stop = true;
			continue;
		case TRAP_STOP:
			continue; /* asked for before; a group stop does not hinder a traced thread */
		default:
			return -ESRCH;
		}
	}
}

/* It did not come back in time: stop it where it is. */
static void visit_recall(struct visit *v)
{
	struct trap_status s;
	if (trace_interrupt(v->t->tid) == 0)
		IGNORE_RESULT(trap_wait(v->t, trap_deadline(1000), &s));
}

int64_t visit_call(struct visit *v, uint32_t nr, const uint64_t args[6], struct error *err)
{
	struct tracee *t = v->t;
	struct user_regs_struct regs = v->regs, after;
	int64_t deadline = trap_deadline(CALL_MS);
	size_t size = sizeof(after);
	t->born = 0;
	int r = visit_step(v, deadline);
	if (r == 0) {
		regs.orig_rax = nr;
		regs.rax = (uint64_t)-ENOSYS;
		regs.rdi = args[0];
		regs.rsi = args[1];
		regs.rdx = args[2];
		regs.r10 = args[3];
		regs.r8 = args[4];
		regs.r9 = args[5];
		r = trace_set_regs(t->tid, &regs);
	}
	if (r == 0)
		r = visit_step(v, deadline);
	if (r == 0)
		r = trace_get_set(t->tid, NT_PRSTATUS, &after, &size);
	if (r == -ETIMEDOUT)
		visit_recall(v);
	return r < 0 ? visit_failed(v, r, err) : (int64_t)after.rax;
}

int visit_end(struct visit *v, struct error *err)
{
	struct tracee *t = v->t;
	/* While the mask is its own again and the registers are not, a signal would be handled at the gate: all right. */
	struct user_regs_struct home;
	trap_regs_home(t, &home);
	int r = trace_set_mask(t->tid, trap_mask(t));
	if (r == 0)
		r = trace_set_regs(t->tid, &home);
	if (r == 0 && v->suspended)
		r = trace_set_options(t->tid, TRAP_OPTIONS);
	if (v->before) {
		if (r == 0)
			r = tracee_write(t, v->frame, v->before, frame_size(t));
		free(take_ptr(v->before));
	}
	return r < 0 ? visit_failed(v, r, err) : 0;
}

int64_t tracee_call(struct tracee *t, uint32_t nr, const uint64_t args[6], struct error *err)
{
	struct visit v;
	struct error told = ERROR_INIT;
	int r = visit_begin(t, &v, &told);
	int64_t result = r;
	if (r == 0) {
		struct error later = ERROR_INIT;
		result = visit_call(&v, nr, args, &told);
		r = visit_end(&v, &later);
		if (r < 0 && !told.err) {
			told = later;
			result = r;
		}
	}
	if (err)
		*err = told;
	return result;
}
