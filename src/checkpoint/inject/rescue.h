/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rescue.h - a way out of a deadlock that the kernel has: a thread executes a program, so execve(2) kills the other threads
 * of its process and waits until they are gone; one that we trace is gone when we have reaped it; but we are in
 * PTRACE_SEIZE of yet another thread, which waits for the execve(2) to end (the process' cred_guard_mutex).
 *
 * So while we seize a further thread of a process, a thread of ours looks on. When it takes too long, it reaps for us
 * what has ended in that process. waitpid(2) later tells the tracer that such a thread is not its child any more.
 *
 * Life: zeroed; rescue_begin() and rescue_end() around each such request (the first one starts the thread);
 * rescue_done() once.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/inject/tracee.h"

struct rescue {
	bool started;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t quit;
	bool quits;
	bool seizing; /* while it is set, nobody changes `of` */
	uint64_t turn;
	const struct tracees *of;
	uint32_t process;
};

void rescue_begin(struct rescue *r, const struct tracees *of, uint32_t process);
void rescue_end(struct rescue *r);
void rescue_done(struct rescue *r);
