/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.h - visits: a stopped thread does something for us, and is at each instant on a way that leads home.
 *
 * The rule: when the tracer dies, the kernel lets the thread run on from the registers that it has at that instant.
 * So a visit begins by writing a signal frame (frame.h) with the thread's own state, and then sets, in one request,
 * the instruction pointer to a `gate` and the stack pointer to that frame. The gate is the C library's own
 *
 *     mov $15, %rax; syscall          (__restore_rt: 48 c7 c0 0f 00 00 00 0f 05)
 *
 * which every program that can handle a signal has, and which restores everything, the signal mask as well. To make a
 * call the thread enters the gate: at the stop on entry of its rt_sigreturn the number and arguments are replaced
 * by ours, and in the same request the instruction pointer goes back to the gate. So
 *
 *     we die ...                            the thread ...
 *     before the first request              has its own registers
 *     at the gate, or on entry              does sigreturn, and is home
 *     after the replacement                 makes our call, comes back to the gate, does sigreturn, and is home
 *     after the last request                has its own registers
 *
 * Where the frame lies must be memory that nobody misses: in the lowest part of the mapping [stack], far below every stack
 * pointer, where by the ABI nothing lives; its bytes are put back afterwards. Where no thread's stack pointer is in
 * [stack] (Go runs its goroutines elsewhere), there must be nothing but zeroes. If there is no gate, or no such
 * memory, the visit is made all the same, unguarded: dying then, within some 20 us, would end the thread.
 *
 * Not covered: seccomp filters are suspended by PTRACE_O_SUSPEND_SECCOMP only while the tracer lives. A filter that
 * kills for our call kills if we die between the replacement and the call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "base/error.h"
#include "checkpoint/inject/tracee.h"

struct visit {
	struct tracee *t;
	uint64_t gate;
	bool guarded;
	uint64_t frame;		      /* where the frame is */
	uint8_t *before;	      /* what was there, to be put back; NULL: nothing */
	bool suspended;		      /* seccomp */
	struct user_regs_struct regs; /* at the gate */
};

/* Leaves for the gate of the thread's own memory. */
int visit_begin(struct tracee *t, struct visit *ret, struct error *err) NODISCARD;
/* The same for a gate and a frame, already written, that are in our own mapping there. */
int visit_begin_at(struct tracee *t, uint64_t gate, uint64_t frame, struct visit *ret,
		   struct error *err) NODISCARD;
/* One call through the gate. As tracee_call(). */
int64_t visit_call(struct visit *v, uint32_t nr, const uint64_t args[6], struct error *err)
	NODISCARD;
/* Home again: the thread is stopped with its own registers and mask. */
int visit_end(struct visit *v, struct error *err) NODISCARD;
