/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trap.h - what the files of this room share about one thread: its stops, its state, its errors. See tracee.h.
 *
 * Waiting. waitpid(2) knows no time limit, and we own neither SIGCHLD nor other children of the process that we are
 * a library in. So one thread is asked at a time without blocking, and between two rounds of asking we yield, then
 * sleep a little longer each time: a stop takes 10 to 90 us, so it is nearly always found while yielding.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/inject/interrupted.h"
#include "checkpoint/inject/tracee.h"

/* Followed: the children of what is being stopped. Calls' stops are told apart from signals. */
#define TRAP_OPTIONS                                                                               \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD)

int64_t trap_now(void); /* ns, CLOCK_MONOTONIC */
static inline int64_t trap_deadline(unsigned timeout_ms)
{
	return trap_now() + (int64_t)timeout_ms * 1000000;
}

/* One rest between two rounds; *idle counts them, 0 at first. */
void trap_rest(unsigned int *idle);

/* What a status tells about a thread that was to stop. */
enum trap {
	TRAP_NONE,   /* nothing yet */
	TRAP_GONE,   /* it is no more, or not ours */
	TRAP_DIED,   /* it ended, and this was its status */
	TRAP_STOP,   /* the stop that PTRACE_INTERRUPT asks for; or a group stop */
	TRAP_CALL,   /* at the entry or exit of a system call */
	TRAP_BIRTH,  /* a fork, vfork or clone; the new one's number is the event message */
	TRAP_SIGNAL, /* about to get a signal */
};
struct trap_status {
	enum trap trap;
	int signal; /* TRAP_STOP: of a group stop, else 0. TRAP_SIGNAL */
};
/* Asks once; keeps state and stop_signal of a group stop in t. */
struct trap_status trap_ask(struct tracee *t);
/* Asks until there is something; -ETIMEDOUT, else 0 with *ret. */
int trap_wait(struct tracee *t, int64_t deadline, struct trap_status *ret) NODISCARD;

/* Reads registers, xstate, mask and name of a stopped thread. -ESRCH: it is not stopped any more; -ENOTSUP: 32 bits. */
int trap_load(struct tracee *t, struct error *err) NODISCARD;

/* The registers with which it goes on, as far as is known when no signal is pending. */
enum interrupted_how trap_regs_home(const struct tracee *t, struct user_regs_struct *ret);

/* What /proc/TID/status tells: 'R', 'S', 'D', 'T', 't', 'Z', 'X'; who traces it; its process. -ESRCH. */
struct trap_facts {
	char state;
	pid_t tracer, tgid, ppid;
	uint64_t pending; /* of the thread and of its process */
};
int trap_facts_read(pid_t tid, struct trap_facts *ret) NODISCARD;

/* Whether a signal is pending that the thread does not block. */
bool trap_signal_pending(const struct tracee *t);

/* error_object() "pid 7 (bash)", with the thread's own number where it is not the leader. */
int trap_object(const struct tracee *t, struct error *err);

static inline uint64_t trap_mask(const struct tracee *t)
{
	uint64_t mask;
	__builtin_memcpy(&mask, &t->mask, sizeof(mask));
	return mask;
}
static inline void trap_mask_set(struct tracee *t, uint64_t mask)
{
	t->mask = (sigset_t){ 0 };
	__builtin_memcpy(&t->mask, &mask, sizeof(mask));
}
