/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracee.h - threads of a container, stopped under our trace; their registers; and running programs in them.
 *
 * Life: tracees_stop() finds and stops all threads of a set of processes; whatever they do meanwhile (fork, make
 * threads) is followed until nothing new appears. Each then is in a ptrace stop. tracees_release() lets all go on as if nothing
 * had happened; tracees_kill() ends them.
 *
 * If we die, at any instant, the kernel lets them run on: with their own registers while nothing is being
 * injected, else by a signal frame that leads home (visit.h). A program that runs then ends by itself (program.h,
 * RUN_RETURNS).
 *
 * The kernel ties a trace to the thread that began it: all calls for one set must come from one thread. A
 * thread group whose first thread exits (pthread_exit in main) between our seizing it and its stop stays
 * ours until this thread of ours ends; so a long-lived engine does its checkpoints in a thread or process of their own.
 *
 * The end of a process that is seen while it is traced is taken by waitpid(2), and handed on to its parent by the
 * kernel, unless the parent is this process.
 *
 * Source: ptrace(2), PTRACE_SEIZE; measured traps: interrupted system calls, group stops, vfork parents, pending
 * traps that any other trap clears, restartable sequences.
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
	bool stopped; /* in a ptrace stop */
	bool loaded;  /* regs, xstate and mask are those of this stop */
	bool loose;   /* runs for a while, for the sake of a vfork parent */
	bool reissued; /* its registers there are not `regs`: a call that the stop made fail is made again */
	bool killed;	   /* before it could be let go: ours to reap */
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

/*
 * Lists the processes of the set, as pids of this namespace; called again until it tells nothing new (the control
 * group's members, the pid namespace's). Appends to *pids (malloc'ed array). 0 or -errno.
 * What it leaves out by mistake, and no other process forks, is left out.
 */
typedef int (*tracees_lister)(void *arg, pid_t **pids, size_t *n);

/*
 * Stops all. timeout_ms bounds the whole; on failure (-ETIMEDOUT: a process in uninterruptible sleep, or a vfork(2) whose
 * child does not end; -EBUSY: traced by another; -EPERM; -ENOTSUP: 32-bit code) those stopped are released and the
 * error names the thread, its comm and wchan; what did not stop within a second more stays seized until the
 * calling thread ends. Registers, xstate and masks are read.
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

/*
 * One system call in the thread. Returns its result (negative errno included). Registers are restored. err is set, and a
 * negative errno returned, when it could not be made: -ESRCH (killed meanwhile), -ETIMEDOUT (10 s: it blocks; or its
 * control group is frozen). err->err is 0 else. Its seccomp filters are not asked, where the kernel lets us
 * (PTRACE_O_SUSPEND_SECCOMP).
 */
int64_t tracee_call(struct tracee *t, uint32_t nr, const uint64_t args[6], struct error *err)
	NODISCARD;

/* ---- programs on dump ---- */

/* Memory for programs in a process: maps `size` bytes there (one injected mmap). *ret_base: where. */
int tracee_map(struct tracee *leader, size_t size, uint64_t *ret_base, struct error *err) NODISCARD;
int tracee_unmap(struct tracee *leader, uint64_t base, size_t size, struct error *err) NODISCARD;
/*
 * Copies am (placed at the mapped base) over, runs the program in the thread, copies the arena back. The thread is
 * again stopped, with its own registers, at the end. -errno of the step that failed, with program_what. -ETIMEDOUT: it did
 * not end in time, or we were kept from looking for RUN_GRACE_MS after it did, so that it went on by itself.
 */
int tracee_run(struct tracee *t, struct arena_map *am, struct program *p, unsigned timeout_ms,
	       struct error *err) NODISCARD;

/* ---- on restore: threads of ours that wait in a program ---- */

/*
 * Seizes and stops one thread (not yet traced). If only stopping it fails, *ret is filled in as well, with `traced` set: its
 * end will be ours to reap.
 */
int tracee_seize(pid_t tid, struct tracee *ret, struct error *err) NODISCARD;
/*
 * The same in two steps: seized it runs on, and its seccomp filters (those to come, too) are suspended until it is
 * let go. -EPERM unless we are root of the machine and not filtered ourselves: ptrace(2), PTRACE_O_SUSPEND_SECCOMP.
 */
int tracee_watch(pid_t tid, struct tracee *ret, struct error *err) NODISCARD;
int tracee_halt(struct tracee *t, struct error *err) NODISCARD;
/* Sets everything that only a tracer can: registers, xstate, mask. Still stopped afterwards. */
int tracee_set(struct tracee *t, const struct user_regs_struct *regs, const void *xstate,
	       size_t xstate_size, uint64_t mask, struct error *err) NODISCARD;
/*
 * Lets it go; with stop_signal != 0 it is left group-stopped by that signal. Of a process with several threads the
 * leader first, while the others are still traced: they join its stop as they are let go (same argument).
 */
int tracee_detach(struct tracee *t, int stop_signal, struct error *err) NODISCARD;
void tracee_done(struct tracee *t);

/* ---- somebody else's thread, in a system call that we end ---- */

/*
 * Three steps, so that it executes no instruction of its own between the end of its call and its stop: seize it (it
 * waits on); ask it to stop, when the call's result is certain; end its call, and await the stop. Its visits are guarded
 * (visit.h). -EBUSY: another traces it; -ESRCH: it was killed. tracee_free() in any case, once it was caught.
 */
int tracee_catch(pid_t tid, struct tracee *ret, struct error *err) NODISCARD;
int tracee_ask(struct tracee *t, struct error *err) NODISCARD;
int tracee_await(struct tracee *t, unsigned timeout_ms, struct error *err) NODISCARD;
/* Makes its system call, which has ended, have another result. */
int tracee_answer(struct tracee *t, int64_t result, struct error *err) NODISCARD;
/* Lets it go if it is stopped. */
void tracee_free(struct tracee *t);
