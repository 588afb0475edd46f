/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracee.h - threads of a container, stopped under our trace; their registers; and running programs in them.
 *
 * Life: tracees_stop() finds and stops all threads of a set of processes; whatever they do meanwhile (fork, make
 * threads) is followed until nothing new appears. Each then is in a ptrace stop. tracees_release() lets all go on as if nothing
 * had happened; tracees_kill() ends them. If we die, the kernel lets them run on (docs/adr on why no instant is
 * harmful). Source: ptrace(2), PTRACE_SEIZE; measured traps: interrupted system calls, group stops, vfork parents.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/error.h"
#include "checkpoint/inject/program.h"

struct tracee {
	pid_t tid, tgid; /* as we see them */
	char comm[17];
	char state; /* 'R'unning (any live state), 'T': group-stopped by a signal, 'Z': zombie, not traced */
	int stop_signal; /* of 'T' */
	bool traced;
	struct user_regs_struct regs; /* as at the stop, untouched */
	struct bytes_view {
		uint8_t *data;
		size_t size;
	} xstate;      /* NT_X86_XSTATE, malloc'ed */
	sigset_t mask; /* PTRACE_GETSIGMASK: 64 bits are used */
};

struct tracees {
	struct tracee *v; /* leaders before their threads; processes in the order of finding */
	size_t n, cap;
};

/*
 * Lists the processes of the set, as pids of this namespace; called again until it tells nothing new (the control
 * group's members, the pid namespace's). Appends to *pids (malloc'ed array). 0 or -errno.
 */
typedef int (*tracees_lister)(void *arg, pid_t **pids, size_t *n);

/*
 * Stops all. timeout_ms bounds the whole; on failure (a process in uninterruptible sleep, EPERM, timeout) those stopped are
 * released and the error names the thread, its comm and wchan. Registers, xstate and masks are read.
 */
int tracees_stop(tracees_lister lister, void *arg, unsigned timeout_ms, struct tracees *ret,
		 struct error *err) NODISCARD;

/* Lets all go on with the registers they had. A system call that the stop interrupted goes on too, and
 * is not seen to fail with EINTR (interrupted.h). Those group-stopped stay so. */
void tracees_release(struct tracees *t);
/* SIGKILL to all processes, and waits until none is left. */
int tracees_kill(struct tracees *t, struct error *err) NODISCARD;
void tracees_done(struct tracees *t); /* frees; releases what is still stopped */

struct tracee *tracees_find(const struct tracees *t, pid_t tid);

/* ---- one stopped thread ---- */

int tracee_read(const struct tracee *t, uint64_t addr, void *buf, size_t size)
	NODISCARD; /* process_vm_readv; -EFAULT.. */
int tracee_write(const struct tracee *t, uint64_t addr, const void *buf, size_t size)
	NODISCARD; /* /proc/PID/mem */

/* One system call in the thread. Returns its result (negative errno included). Registers are restored. */
int64_t tracee_call(struct tracee *t, uint32_t nr, const uint64_t args[6], struct error *err)
	NODISCARD;

/* ---- programs on dump ---- */

/* Memory for programs in a process: maps `size` bytes there (one injected mmap). *ret_base: where. */
int tracee_map(struct tracee *leader, size_t size, uint64_t *ret_base, struct error *err) NODISCARD;
int tracee_unmap(struct tracee *leader, uint64_t base, size_t size, struct error *err) NODISCARD;
/* Copies am (placed at the mapped base) over, runs the program in the thread, copies the arena back. The thread is
 * again stopped, with its own registers, at the end. -errno of the step that failed, with program_what. */
int tracee_run(struct tracee *t, struct arena_map *am, struct program *p, unsigned timeout_ms,
	       struct error *err) NODISCARD;

/* ---- on restore: threads of ours that wait in a program ---- */

/* Seizes and stops one thread (not yet traced). */
int tracee_seize(pid_t tid, struct tracee *ret, struct error *err) NODISCARD;
/* Sets everything that only a tracer can: registers, xstate, mask. Still stopped afterwards. */
int tracee_set(struct tracee *t, const struct user_regs_struct *regs, const void *xstate,
	       size_t xstate_size, uint64_t mask, struct error *err) NODISCARD;
/* Lets it go; with stop_signal != 0 it is left group-stopped by that signal. */
int tracee_detach(struct tracee *t, int stop_signal, struct error *err) NODISCARD;
void tracee_done(struct tracee *t);
