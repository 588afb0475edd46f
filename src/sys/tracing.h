/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - ptrace(2) of threads that were seized (PTRACE_SEIZE, Linux 3.4). Each returns 0 or a value, or -errno; -ESRCH
 * means that the thread is not stopped, or gone. Requests must come from the thread that seized.
 *
 * Named so because the C library has a header sys/ptrace.h.
 */
#pragma once

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif

#define TRACE_EVENT_STOP 128 /* PTRACE_EVENT_STOP: glibc has it as an enum, and once had it wrong */

/* The parts of a wait status of a seized thread that stopped. */
static inline int trace_event(int status)
{
	return (int)((unsigned int)status >> 16);
}

static inline int trace_call(enum __ptrace_request request, pid_t tid, uintptr_t addr,
			     uintptr_t data)
{
	return ptrace(request, tid, addr, data) < 0 ? -errno : 0;
}

static inline int trace_seize(pid_t tid, unsigned long options)
{
	return trace_call(PTRACE_SEIZE, tid, 0, options);
}

static inline int trace_interrupt(pid_t tid)
{
	return trace_call(PTRACE_INTERRUPT, tid, 0, 0);
}

static inline int trace_continue(pid_t tid, int signal)
{
	return trace_call(PTRACE_CONT, tid, 0, (uintptr_t)signal);
}

/* Until it enters or leaves a system call. */
static inline int trace_to_syscall(pid_t tid)
{
	return trace_call(PTRACE_SYSCALL, tid, 0, 0);
}

static inline int trace_detach(pid_t tid)
{
	return trace_call(PTRACE_DETACH, tid, 0, 0);
}

static inline int trace_set_options(pid_t tid, unsigned long options)
{
	return trace_call(PTRACE_SETOPTIONS, tid, 0, options);
}

/* The new thread's number, at the stop of a fork, vfork or clone. */
static inline int trace_event_message(pid_t tid, unsigned long *ret)
{
	return trace_call(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)ret);
}

/* Register sets: *size is what there is room for, then what was got. */
static inline int trace_get_set(pid_t tid, unsigned int type, void *buf, size_t *size)
{
	struct iovec iov = { buf, *size };
	int r = trace_call(PTRACE_GETREGSET, tid, type, (uintptr_t)&iov);
	if (r == 0)
		*size = iov.iov_len;
	return r;
}

static inline int trace_set_set(pid_t tid, unsigned int type, const void *buf, size_t size)
{
	struct iovec iov = { (void *)(uintptr_t)buf, size };
	return trace_call(PTRACE_SETREGSET, tid, type, (uintptr_t)&iov);
}

static inline int trace_set_regs(pid_t tid, const struct user_regs_struct *regs)
{
	return trace_set_set(tid, NT_PRSTATUS, regs, sizeof(*regs));
}

/* The blocked signals; of a thread in sigsuspend(2), ppoll(2) and the like those of before. */
static inline int trace_get_mask(pid_t tid, uint64_t *ret)
{
	return trace_call(PTRACE_GETSIGMASK, tid, sizeof(*ret), (uintptr_t)ret);
}

static inline int trace_set_mask(pid_t tid, uint64_t mask)
{
	return trace_call(PTRACE_SETSIGMASK, tid, sizeof(mask), (uintptr_t)&mask);
}
