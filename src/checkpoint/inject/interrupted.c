/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupted.c - see interrupted.h. System call numbers and register names are those of x86-64.
 *
 * The kernel's codes for "to be made again" are seen by nobody but a tracer:
 *
 *   ERESTARTSYS, ERESTARTNOINTR   made again with the same arguments
 *   ERESTARTNOHAND                the same, but EINTR when a handler runs; what is left of a timeout the kernel
 *                                 has written to the caller's memory (select, ppoll), or it is a point in time
 *   ERESTART_RESTARTBLOCK         made again by restart_syscall(2), with the time left: known to the kernel alone
 *
 * EINTR at a stop has two meanings. The calls listed here give it whenever anything wakes them, a tracer's stop
 * too; if no handler is about to run, nobody has a reason to see it. A call that transferred something does not fail
 * with EINTR, so making it again is harmless. Not listed is what must not be made twice: close(2).
 */
#include "checkpoint/inject/interrupted.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/compiler.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define ERESTARTSYS	      512
#define ERESTARTNOINTR	      513
#define ERESTARTNOHAND	      514
#define ERESTART_RESTARTBLOCK 516

#define SYSCALL_SIZE 2 /* bytes of the instruction */

/* Calls whose EINTR may come of the stop alone. Those on sockets: when SO_RCVTIMEO or SO_SNDTIMEO is set. */
static const uint16_t eintr_calls[] = {
	/* waiting for events */
	SYS_epoll_wait,
	SYS_epoll_pwait,
	SYS_epoll_pwait2,
	SYS_rt_sigtimedwait,
	SYS_semop,
	SYS_semtimedop,
	SYS_io_getevents,
	SYS_io_pgetevents,
	SYS_io_uring_enter,
	/* sockets */
	SYS_read,
	SYS_readv,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_recvmmsg,
	SYS_write,
	SYS_writev,
	SYS_sendto,
	SYS_sendmsg,
	SYS_sendmmsg,
	SYS_accept,
	SYS_accept4,
	SYS_connect,
};

static bool is_eintr_call(uint64_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(eintr_calls); i++)
		if (eintr_calls[i] == nr)
			return true;
	return false;
}

static bool in_call(const struct user_regs_struct *regs)
{
	return (int64_t)regs->orig_rax >= 0;
}

static enum interrupted_how reissue(struct user_regs_struct *regs)
{
	regs->rip -= SYSCALL_SIZE;
	regs->rax = regs->orig_rax;
	regs->orig_rax = (uint64_t)-1;
	return INTERRUPTED_REISSUE;
}

/* EINTR that is none. */
static bool is_spurious(const struct user_regs_struct *regs, bool pending)
{
	return (int64_t)regs->rax == -EINTR && !pending && is_eintr_call(regs->orig_rax);
}

enum interrupted_how interrupted_fix_running(struct user_regs_struct *regs, bool pending)
{
	if (!in_call(regs))
		return INTERRUPTED_NOT;
	switch (-(int64_t)regs->rax) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return INTERRUPTED_KERNEL;
	default:
		return is_spurious(regs, pending) ? reissue(regs) : INTERRUPTED_NOT;
	}
}

/* The remainder of a relative sleep, where the caller asked for it, becomes the request. */
static bool take_remainder(struct user_regs_struct *regs)
{
	if (regs->orig_rax == SYS_nanosleep && regs->rsi) {
		regs->rdi = regs->rsi;
		return true;
	}
	if (regs->orig_rax == SYS_clock_nanosleep && regs->r10 && !(regs->rsi & TIMER_ABSTIME)) {
		regs->rdx = regs->r10;
		return true;
	}
	return false;
}

static enum interrupted_how fix_restart_block(struct user_regs_struct *regs, bool pending)
{
	if (pending) {
		/* A handler makes EINTR of both codes, and without one this code needs no memory of the kernel's. */
		regs->rax = (uint64_t)-ERESTARTNOHAND;
		return INTERRUPTED_KERNEL;
	}
	if (regs->orig_rax == SYS_restart_syscall) {
		/* Which call it was is not to be known; tracees_stop() finds out where it can. */
		regs->rax = (uint64_t)-EINTR;
		regs->orig_rax = (uint64_t)-1;
		return INTERRUPTED_NOT;
	}
	bool sleep = take_remainder(regs);
	reissue(regs);
	return sleep ? INTERRUPTED_SLEEP : INTERRUPTED_REISSUE;
}

enum interrupted_how interrupted_fix_restored(struct user_regs_struct *regs, bool pending)
{
	if (!in_call(regs))
		return INTERRUPTED_NOT;
	switch (-(int64_t)regs->rax) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
		/* With a signal pending the kernel has to decide, when it knows whether a handler runs. */
		return pending ? INTERRUPTED_KERNEL : reissue(regs);
	case ERESTART_RESTARTBLOCK:
		return fix_restart_block(regs, pending);
	default:
		return is_spurious(regs, pending) ? reissue(regs) : INTERRUPTED_NOT;
	}
}

bool interrupted_by_restart(const struct user_regs_struct *regs)
{
	return regs->orig_rax == SYS_restart_syscall &&
	       (int64_t)regs->rax == -ERESTART_RESTARTBLOCK;
}

/*
 * Compilers put the number into eax just before the instruction, nearly always: b8 NN NN NN NN. The calls that use a
 * restart block are few, and their numbers make the match certain enough.
 */
int interrupted_call_of(const uint8_t *code, size_t size)
{
	static const uint16_t calls[] = { SYS_poll, SYS_nanosleep, SYS_futex, SYS_clock_nanosleep };
	if (size < SYSCALL_SIZE || code[size - 2] != 0x0f || code[size - 1] != 0x05)
		return -1;
	for (size_t at = size - SYSCALL_SIZE; at >= 5; at--) {
		const uint8_t *p = code + at - 5;
		uint32_t nr = (uint32_t)p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 |
			      (uint32_t)p[4] << 24;
		for (size_t i = 0; p[0] == 0xb8 && i < ARRAY_SIZE(calls); i++)
			if (calls[i] == nr)
				return (int)nr;
	}
	return -1;
}
