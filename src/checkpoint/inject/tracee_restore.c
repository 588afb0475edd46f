/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_restore.c - threads of ours that wait in a program become what they were. See tracee.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "checkpoint/inject/home.h"
#include "checkpoint/inject/tracee.h"
#include "checkpoint/inject/trap.h"
#include "checkpoint/inject/xstate.h"
#include "sys/tracing.h"

#define SEIZE_MS 5000

static int seize_failed(const struct tracee *t, int r, struct error *err)
{
	error_sys(err, -r, "cannot trace it");
	return trap_object(t, err);
}

int tracee_watch(pid_t tid, struct tracee *ret, struct error *err)
{
	struct tracee t = { .tid = tid, .tgid = tid, .state = 'R' };
	struct trap_facts f;
	if (trap_facts_read(tid, &f) == 0)
		t.tgid = f.tgid;
	int r = trace_seize(tid, PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP);
	if (r < 0)
		return seize_failed(&t, r, err);
	t.traced = true;
	*ret = t;
	return 0;
}

int tracee_halt(struct tracee *t, struct error *err)
{
	struct trap_status s = { TRAP_NONE, 0 };
	int64_t deadline = trap_deadline(SEIZE_MS);
	while (s.trap != TRAP_STOP) {
		/* any other trap has cleared what was asked for */
		int r = trace_interrupt(t->tid);
		if (r == 0 && t->stopped) {
			t->stopped = false;
			r = trace_continue(t->tid, s.signal);
		}
		if (r == 0)
			r = trap_wait(t, deadline, &s);
		if (r == 0 && (s.trap == TRAP_GONE || s.trap == TRAP_DIED))
			r = -ESRCH;
		if (r < 0)
			return seize_failed(t, r, err);
	}
	int r = trap_load(t, err);
	return r < 0 && r != -ENOTSUP ? seize_failed(t, r, err) : r;
}

int tracee_seize(pid_t tid, struct tracee *ret, struct error *err)
{
	struct tracee t = { .tid = tid, .tgid = tid, .state = 'R' };
	struct trap_facts f;
	if (trap_facts_read(tid, &f) == 0)
		t.tgid = f.tgid;
	int r = trace_seize(tid, PTRACE_O_TRACESYSGOOD);
	if (r < 0)
		return seize_failed(&t, r, err);
	t.traced = true;
	r = tracee_halt(&t, err);
	*ret = t; /* on failure, too: whoever kills it must know that it is ours to reap */
	return r;
}

/* The kernel takes a state of exactly its own size. */
static int set_xstate(struct tracee *t, const void *xstate, size_t size, struct error *err)
{
	uint8_t *buf = xcalloc(1, XSTATE_MAX);
	size_t ours = XSTATE_MAX;
	uint64_t known = 0, wanted = xstate_features(xstate, size);
	int r = trace_get_set(t->tid, NT_X86_XSTATE, buf, &ours);
	if (r == 0) {
		memcpy(&known, buf + XSTATE_SW_OFFSET, sizeof(known));
		memset(buf, 0, XSTATE_MAX);
		memcpy(buf, xstate, MIN(size, ours));
	}
	if (r == 0 && ((wanted & ~known) || xstate_used(xstate, size) > ours)) {
		free(buf);
		char names[96];
		error_set(err, ENOTSUP, "it uses registers that this processor does not have: %s",
			  xstate_names(wanted & ~known, names, sizeof(names)));
		error_hint(err, "restore on a processor with all that the first one had");
		return trap_object(t, err);
	}
	if (r == 0)
		r = trace_set_set(t->tid, NT_X86_XSTATE, buf, ours);
	free(buf);
	if (r == 0)
		return 0;
	error_sys(err, -r, "cannot set its floating point and vector registers (features 0x%llx)",
		  (unsigned long long)wanted);
	return trap_object(t, err);
}

int tracee_set(struct tracee *t, const struct user_regs_struct *regs, const void *xstate,
	       size_t xstate_size, uint64_t mask, struct error *err)
{
	int r = xstate_size ? set_xstate(t, xstate, xstate_size, err) : 0;
	if (r < 0)
		return r;
	r = trace_set_regs(t->tid, regs);
	if (r == 0)
		r = trace_set_mask(t->tid, mask);
	if (r < 0) {
		error_sys(err, -r, "cannot set its registers");
		return trap_object(t, err);
	}
	t->regs = *regs;
	t->reissued = false;
	trap_mask_set(t, mask);
	if (xstate_size) {
		t->xstate.data = xrealloc(t->xstate.data, xstate_size);
		memcpy(t->xstate.data, xstate, xstate_size);
		t->xstate.size = xstate_size;
	}
	return 0;
}

/*
 * Makes the signal's ordinary effect happen now, without an instruction of the task's: only this signal is let
 * through, its delivery is a stop of ours, and another stop is asked for before we let it take effect. -EAGAIN: it
 * had another effect (none, for terminal signals in an orphaned process group).
 */
static int stop_by_signal(struct tracee *t, int signal)
{
	int64_t deadline = trap_deadline(SEIZE_MS);
	struct trap_status s = { TRAP_NONE, 0 };
	int r = trace_set_mask(t->tid, ~(1ULL << (signal - 1)));
	if (r == 0)
		r = syscall(SYS_tgkill, t->tgid, t->tid, signal) < 0 ? -errno : 0;
	for (int left = 4; r == 0 && left && (s.trap != TRAP_SIGNAL || s.signal != signal);
	     left--) {
		t->stopped = false;
		r = trace_continue(t->tid, 0);
		if (r == 0)
			r = trap_wait(t, deadline, &s);
		if (r == 0 && (s.trap == TRAP_GONE || s.trap == TRAP_DIED))
			r = -ESRCH;
	}
	if (r == 0)
		r = trace_interrupt(t->tid);
	if (r == 0) {
		t->stopped = false;
		r = trace_continue(t->tid, s.trap == TRAP_SIGNAL ? signal : 0);
	}
	if (r == 0)
		r = trap_wait(t, deadline, &s);
	if (r < 0)
		return r;
	if (s.trap != TRAP_STOP)
		return -ESRCH;
	r = trace_set_mask(t->tid, trap_mask(t));
	return r < 0 ? r : s.signal == signal ? 0 : -EAGAIN;
}

int tracee_detach(struct tracee *t, int stop_signal, struct error *err)
{
	int r = 0;
	if (stop_signal && t->tid == t->tgid) {
		r = stop_by_signal(t, stop_signal);
		if (r == -EAGAIN)
			r = stop_by_signal(t, SIGSTOP);
	}
	if (r == 0)
		r = trace_detach(t->tid);
	if (r < 0) {
		error_sys(err, -r, "cannot let it go on");
		return trap_object(t, err);
	}
	t->traced = t->stopped = false;
	return 0;
}

void tracee_done(struct tracee *t)
{
	if (t->traced && t->stopped)
		IGNORE_RESULT(trace_detach(t->tid));
	free(t->xstate.data);
	home_free(t->home);
	*t = (struct tracee){ 0 };
}
