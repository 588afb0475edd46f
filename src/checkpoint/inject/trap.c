/* SPDX-License-Identifier: Apache-2.0 */
/* trap.c - see trap.h. */
#include "checkpoint/inject/trap.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "checkpoint/inject/interrupted.h"
#include "checkpoint/inject/xstate.h"
#include "sys/tracing.h"

#define YIELDS	  64
#define REST_NS	  20000
#define REST_MAX  1000000
#define CS_64_BIT 0x33 /* __USER_CS: what 64-bit code runs in */
#define X32_CALL  0x40000000

/* struct ptrace_rseq_configuration and struct rseq_cs of the kernel. */
struct rseq_configuration {
	uint64_t area;
	uint32_t size, signature, flags, pad;
};
struct rseq_sequence {
	uint32_t version, flags;
	uint64_t start, length, abort;
};
#define RSEQ_CS_OFFSET 8 /* of the pointer to the sequence, within the area */

int64_t trap_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void trap_rest(unsigned int *idle)
{
	unsigned int n = (*idle)++;
	if (n < YIELDS) {
		sched_yield();
		return;
	}
	long ns = REST_NS << MIN((n - YIELDS) / 8, 6u);
	nanosleep(&(struct timespec){ 0, MIN(ns, REST_MAX) }, NULL);
}

static struct trap_status status_stop(struct tracee *t, int status)
{
	int signal = WSTOPSIG(status);
	t->stopped = true;
	switch (trace_event(status)) {
	case TRACE_EVENT_STOP:
		if (signal == SIGTRAP)
			return (struct trap_status){ TRAP_STOP, 0 };
		t->state = 'T';
		t->stop_signal = signal;
		return (struct trap_status){ TRAP_STOP, signal };
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		return (struct trap_status){ TRAP_BIRTH, 0 };
	default:
		if (signal == (SIGTRAP | 0x80))
			return (struct trap_status){ TRAP_CALL, 0 };
		return (struct trap_status){ TRAP_SIGNAL, signal };
	}
}

struct trap_status trap_ask(struct tracee *t)
{
	int status = 0;
	pid_t r = waitpid(t->tid, &status, __WALL | WNOHANG);
	if (r == 0)
		return (struct trap_status){ TRAP_NONE, 0 };
	if (r < 0)
		return (struct trap_status){ errno == EINTR ? TRAP_NONE : TRAP_GONE, 0 };
	if (WIFSTOPPED(status))
		return status_stop(t, status);
	t->stopped = false;
	return (struct trap_status){ TRAP_DIED, 0 };
}

int trap_wait(struct tracee *t, int64_t deadline, struct trap_status *ret)
{
	for (unsigned int idle = 0;;) {
		struct trap_status s = trap_ask(t);
		if (s.trap != TRAP_NONE) {
			*ret = s;
			return 0;
		}
		if (idle >= YIELDS && trap_now() > deadline)
			return -ETIMEDOUT;
		trap_rest(&idle);
	}
}

/* ---- reading a stopped thread ---- */

/*
 * The kernel aborts a restartable sequence when the thread goes on, unless it finds it elsewhere then, as it does
 * after an injected call. So what the kernel would do is done here. Unknown before Linux 5.13: then injecting into a
 * thread within such a sequence (some instructions of its allocator) is a risk that is taken.
 */
static void abort_sequence(struct tracee *t)
{
	struct rseq_configuration c;
	struct rseq_sequence s;
	uint64_t at;
	uint32_t signature;
	if (ptrace((enum __ptrace_request)PTRACE_GET_RSEQ_CONFIGURATION, t->tid, sizeof(c), &c) < 0)
		return;
	if (!c.area || tracee_read(t, c.area + RSEQ_CS_OFFSET, &at, sizeof(at)) < 0 || !at ||
	    tracee_read(t, at, &s, sizeof(s)) < 0)
		return;
	if (s.version || t->regs.rip - s.start >= s.length)
		return;
	if (tracee_read(t, s.abort - sizeof(signature), &signature, sizeof(signature)) < 0 ||
	    signature != c.signature)
		return; /* the kernel will end it for that */
	t->regs.rip = s.abort;
}

static void name_restarted_call(struct tracee *t)
{
	uint8_t code[32];
	if (tracee_read(t, t->regs.rip - sizeof(code), code, sizeof(code)) < 0)
		return;
	int nr = interrupted_call_of(code, sizeof(code));
	if (nr >= 0)
		t->regs.orig_rax = (uint64_t)nr;
}

static int load_xstate(struct tracee *t)
{
	uint8_t buf[XSTATE_MAX] __attribute__((aligned(64)));
	size_t size = sizeof(buf);
	int r = trace_get_set(t->tid, NT_X86_XSTATE, buf, &size);
	if (r < 0)
		return r;
	size = xstate_used(buf, size);
	if (t->xstate.size != size)
		t->xstate.data = xrealloc(t->xstate.data, size);
	memcpy(t->xstate.data, buf, size);
	t->xstate.size = size;
	return 0;
}

static void load_comm(struct tracee *t)
{
	char path[64], text[32];
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->tid);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (n > 0)
		(void)snprintf(t->comm, sizeof(t->comm), "%.*s", (int)MIN(n - 1, 16), text);
}

int trap_load(struct tracee *t, struct error *err)
{
	uint64_t mask = 0;
	size_t size = sizeof(t->regs);
	int r = trace_get_set(t->tid, NT_PRSTATUS, &t->regs, &size);
	if (r < 0)
		return r;
	if (size != sizeof(t->regs) || t->regs.cs != CS_64_BIT ||
	    ((int64_t)t->regs.orig_rax >= 0 && (t->regs.orig_rax & X32_CALL))) {
		load_comm(t);
		error_set(err, ENOTSUP, "it runs 32-bit code, which cannot be checkpointed");
		return trap_object(t, err);
	}
	/* first, and not when it is released: if we die before, the call is seen to fail */
	struct user_regs_struct again;
	t->reissued = trap_regs_home(t, &again) == INTERRUPTED_REISSUE;
	if (t->reissued)
		r = trace_set_regs(t->tid, &again);
	if (r == 0)
		r = trace_get_mask(t->tid, &mask);
	if (r == 0)
		r = load_xstate(t);
	if (r < 0)
		return r;
	trap_mask_set(t, mask);
	if ((int64_t)t->regs.orig_rax < 0)
		abort_sequence(t);
	else if (interrupted_by_restart(&t->regs))
		name_restarted_call(t);
	load_comm(t);
	return 0;
}

enum interrupted_how trap_regs_home(const struct tracee *t, struct user_regs_struct *ret)
{
	*ret = t->regs;
	return interrupted_fix_running(ret, false);
}

/* ---- /proc ---- */

static uint64_t fact(const char *text, const char *name, int base)
{
	const char *at = strstr(text, name);
	return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

int trap_facts_read(pid_t tid, struct trap_facts *ret)
{
	char path[64];
	CLEANUP_BUF struct buf b = BUF_INIT;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (file_read(AT_FDCWD, path, 1 << 16, &b) < 0)
		return -ESRCH;
	const char *text = buf_str(&b), *state = strstr(text, "\nState:\t");
	if (!state)
		return -ESRCH;
	*ret = (struct trap_facts){
		.state = state[8],
		.tracer = (pid_t)fact(text, "\nTracerPid:\t", 10),
		.tgid = (pid_t)fact(text, "\nTgid:\t", 10),
		.ppid = (pid_t)fact(text, "\nPPid:\t", 10),
		.pending = fact(text, "\nSigPnd:\t", 16) | fact(text, "\nShdPnd:\t", 16),
	};
	return 0;
}

bool trap_signal_pending(const struct tracee *t)
{
	struct trap_facts f;
	return trap_facts_read(t->tid, &f) == 0 && (f.pending & ~trap_mask(t));
}

int trap_object(const struct tracee *t, struct error *err)
{
	if (t->tid != t->tgid)
		return error_object(err, "thread %d of pid %d (%s)", (int)t->tid, (int)t->tgid,
				    t->comm);
	return error_object(err, "pid %d (%s)", (int)t->tid, t->comm);
}
