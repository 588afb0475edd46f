/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupted.h - what to do with a system call that a stop interrupted. Pure: registers in, registers out.
 *
 * At a ptrace stop rax holds -ERESTART* (the kernel would restart the call by itself), or -EINTR for calls that
 * never restart (epoll_wait, semop, io_getevents, ...) though nothing the task asked for happened.
 * The table of calls is in interrupted.c; measured on 5.10 to 6.18.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

enum interrupted_how {
	INTERRUPTED_NOT,    /* the thread was in user mode, or the call had ended */
	INTERRUPTED_KERNEL, /* the kernel restarts it when the thread goes on with these registers */
	INTERRUPTED_REISSUE, /* changed: the call is made again with the same arguments */
	INTERRUPTED_SLEEP, /* the same, of the nanosleep family: the request is now the remainder (see below) */
};

/*
 * The thread goes on in the same process (--leave-running): only -EINTR of listed calls is changed. pending: a signal
 * is pending that the mask lets through, then EINTR is genuine and stays.
 */
enum interrupted_how interrupted_fix_running(struct user_regs_struct *regs, bool pending);

/*
 * The thread goes on in a new process, whose kernel has no restart block: registers are changed so that the call is made again.
 * For nanosleep and clock_nanosleep with a remainder pointer the request pointer argument is replaced by it
 * (the kernel has stored the remainder there at the stop).
 * With a pending signal the registers keep a code of the kernel's (orig_rax too: a tracer has to set it), so that the
 * call fails with EINTR if a handler runs, and is made again if not.
 */
enum interrupted_how interrupted_fix_restored(struct user_regs_struct *regs, bool pending);

/*
 * A thread that was stopped before, and went on, may be in restart_syscall(2): the number of the call that it goes on
 * with is no more in the registers. interrupted_by_restart() tells; interrupted_call_of() then finds it in the
 * code before regs->rip (some 32 bytes that end there), or -1. With that number as orig_rax both functions above are
 * right, and the kernel makes no difference.
 */
bool interrupted_by_restart(const struct user_regs_struct *regs);
int interrupted_call_of(const uint8_t *code, size_t size);
