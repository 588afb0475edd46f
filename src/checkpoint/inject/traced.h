/* SPDX-License-Identifier: Apache-2.0 */
/* traced.h - a thread under our trace as data, and its memory. What is done with it: tracee.h. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/compiler.h"

struct tracee {
	pid_t tid, tgid; /* as we see them */
	char comm[17];
	char state; /* 'R'unning (any live state), 'T': group-stopped by a signal, 'Z': zombie, not traced */
	int stop_signal; /* of 'T' */
	bool traced;
	/*
	 * As at the stop. But for two things that the kernel does, or hides, on the way back: a restartable sequence
	 * (rseq(2)) that was interrupted is aborted, and the call that restart_syscall(2) goes on with is named
	 * (see interrupted_by_restart()).
	 */
	struct user_regs_struct regs;
	struct bytes_view {
		uint8_t *data;
		size_t size;
	} xstate;      /* NT_X86_XSTATE, malloc'ed, without the end that holds nothing */
	sigset_t mask; /* PTRACE_GETSIGMASK: 64 bits are used */
	pid_t born; /* by the last tracee_call(), of fork or clone: traced by us and about to stop; 0: none */

	/* Of this room only: */
	bool stopped;	   /* in a ptrace stop */
	bool loose;	   /* runs for a while, for the sake of a vfork parent */
	bool held_stop;	   /* a SIGSTOP came while we injected: sent again at the end */
	bool strayed;	   /* went home without us: its registers are not ours to set any more */
	uint32_t process;  /* rank of its process */
	struct home *home; /* what we know of its process' memory; of the set, or its own */
};

struct tracees_parts;

struct tracees {
	struct tracee *v; /* leaders before their threads; processes in the order of finding */
	size_t n, cap;
	struct tracees_parts *parts; /* of this room only */
};

int tracee_read(const struct tracee *t, uint64_t addr, void *buf, size_t size)
	NODISCARD; /* process_vm_readv; -EFAULT.. */
int tracee_write(const struct tracee *t, uint64_t addr, const void *buf, size_t size)
	NODISCARD; /* /proc/PID/mem */
