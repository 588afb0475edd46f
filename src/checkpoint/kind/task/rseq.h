/* SPDX-License-Identifier: Apache-2.0 */
/* rseq.h - critical sections of restartable sequences at a stop; for the dump. */
#pragma once

#include <sys/user.h>

#include "checkpoint/inject/tracee.h"

/*
 * A thread that was stopped within a critical section must not go on in it elsewhere: where regs (those that will be
 * written down) point into the section that the thread's area names, they are moved to its abort handler, as
 * the kernel does after a preemption. rseq(2). 1: moved, 0: nothing to do, or -errno of reading the thread's memory.
 */
int rseq_fix(const struct tracee *t, struct user_regs_struct *regs);
