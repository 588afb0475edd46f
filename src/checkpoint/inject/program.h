/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - programs of system calls: what the engine wants done inside a task, as data.
 *
 * A program is an array of steps in an arena of memory that the engine writes and the task executes; the interpreter
 * (blob.c, freestanding, position independent) walks it. On dump the arena is a private mapping in the stopped task;
 * on restore it is one memfd, mapped shared at the same address in all tasks, so the engine sees results and
 * failures while they happen.
 *
 * Addresses: the arena lies at `base` in the tasks and at `map` here. Everything a step names by pointer must be in
 * the arena (program_data) or in the task's own memory.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum step_op {
	STEP_END,  /* the program's end: see enum run_mode */
	STEP_CALL, /* system call nr with arg[0..5]; result kept and judged by `want` */
	STEP_CLONE, /* clone3(arg[0] = address of clone_args, arg[1] = its size): a process or a thread. The child goes
			     on with the run at arg[2], on that run's stack (its top is arg[3] instead, if not 0); it
			     never touches the parent's, so clone_args need not name one. Result: the parent's */
	STEP_READ, /* fd arg[0], struct iovec * arg[1], count arg[2], file offset arg[3]: preadv until all is there.
			     Result: bytes; -ENODATA: the file ended before. The iovecs are used up */
	STEP_WAIT, /* until the 32-bit word at arg[0] is >= arg[1]: futex(2). -ECANCELED when the abort word is set */
	STEP_ADD, /* add arg[1] to the 32-bit word at arg[0] and wake its waiters. Result: the sum */
	STEP_WAIT_PARENT, /* until getppid() == arg[0]: a helper before us is gone. -ECANCELED as above */
	STEP_RECV_FDS, /* socket arg[0]: receive arg[2] descriptors by SCM_RIGHTS, dup3 them to arg[1], arg[1] + 1, ...
			     O_CLOEXEC, as many messages as it takes (each is a 32-bit count of its descriptors, at
			     most 253, and nothing else). The socket itself must lie elsewhere. -EPROTO: no such
			     message, or too many; -EMFILE: no room for them; -EPIPE: end of file */
	STEP_COPY, /* memcpy(arg[0], arg[1], arg[2]) */
	STEP_XSAVE, /* execute AMX tile instructions, so that the kernel grows the thread's state (arch); the process
			     must have asked for it before: arch_prctl(ARCH_REQ_XCOMP_PERM) */
};

/* What a result must be for the program to go on. */
enum step_want {
	WANT_OK,    /* >= 0 (as a signed value, not in -4095 .. -1) */
	WANT_EQUAL, /* == value */
	WANT_ANY,   /* whatever: the engine looks at it later */
	WANT_OK_OR, /* >= 0, or == value (a negative errno) */
};

struct step {
	uint16_t op;
	uint16_t want;
	uint32_t nr; /* STEP_CALL: of the system call */
	uint64_t arg[6];
	uint32_t refs; /* bit i: arg[i] is the address of a 64-bit word whose value is meant */
	uint32_t pad;
	int64_t value;	/* for want */
	int64_t result; /* written by the interpreter; STEP_PENDING before */
	uint64_t ret;	/* address to store the result at as well; 0: none */
};
#define STEP_PENDING ((int64_t)0x8000000000000000ULL)

/* How a run ends. */
enum run_mode {
	RUN_PARKS, /* restore: done: waits for ever in futex(2), for the tracer to set its registers. Failed: the abort
		      * word becomes 1, and the process exits with 1 (a thread that is no leader parks) */
	RUN_RETURNS, /* dump: done or failed, it waits RUN_GRACE_MS for its tracer to stop it; when none does, it
		      * is dead, and the thread goes home by rt_sigreturn(2) through the frame at `home`. No step may
		      * sleep or wait: if stopped there, it changes how the kernel restarts the thread's own call */
};
#define RUN_GRACE_MS 500

/*
 * What the interpreter and the engine share about one run of one program. In the arena. All signals must be
 * blocked in the task while it runs.
 */
struct run {
	uint64_t steps; /* address of the first step */
	uint32_t at;	/* index of the step that is executed or that failed */
	uint32_t state; /* RUN_* */
	uint64_t
		abort; /* address of a 32-bit word: not 0 means give up (waiting steps look at it); 0: none */
	uint64_t
		done; /* address of a 32-bit counter, increased and woken when this run is done or failed; 0: none */
	uint64_t
		stack; /* top of the stack that the interpreter runs on: each run has its own, since the arena is
			 * shared by processes */
	uint64_t home;	 /* RUN_RETURNS: address of a signal frame's ucontext (frame.h) */
	uint32_t mode;	 /* enum run_mode */
	uint32_t parked; /* stays 0: what waits for ever, waits on this */
};
enum run_state { RUN_NOT_YET, RUN_ON, RUN_DONE, RUN_FAILED };

/* ---- the engine's side: writing programs ---- */

struct arena_map; /* inject/arena_map.h: the memory that programs are written to */

/* One program being written. Steps are handed to the arena by program_close(). */
struct program {
	struct step *v;
	const char **what; /* per step: what was being done, for errors ("cannot set the timer") */
	size_t n, cap;
	const char *doing; /* the `what` of steps added from now on */
	struct arena_map *am;
	uint64_t addr; /* of the steps in the arena, after program_close() */
	uint64_t run;  /* of the struct run, after program_close() */
};

void program_init(struct program *p, struct arena_map *am);
void program_done(struct program *p);
/* What the next steps do, for errors; the string must outlive the program. */
void program_what(struct program *p, const char *what);

/* Adds a step and returns it, to be changed at will before the next one is added. */
struct step *program_step(struct program *p, enum step_op op);
/* STEP_CALL with WANT_OK: program_call(p, SYS_umask, 022). Up to six arguments, missing ones 0. */
struct step *program_call_(struct program *p, uint32_t nr, const uint64_t args[6]);
#define program_call(p, nr, ...) program_call_((p), (nr), (const uint64_t[6]){ __VA_ARGS__ })

/* Copies data into the arena (aligned to 16); returns its address in the tasks. NULL data: zeroes. */
uint64_t program_data(struct program *p, const void *data, size_t size);
uint64_t program_text(struct program *p, const char *s);
/* Where the engine sees an address of the arena. */
void *program_at(const struct program *p, uint64_t addr);
/* The address of the result of the step added last, for `refs` of later steps. */
uint64_t program_result(struct program *p);

/*
 * Writes the steps (an END is added), a stack and a struct run to the arena: RUN_PARKS, without abort and done
 * words: struct run is the caller's to complete, at program_at(p, p->run), before the task enters it.
 */
void program_close(struct program *p);
/*
 * After a run: 0 when all went well, -EINPROGRESS before the end, or -errno of the step that failed (-EPROTO: a
 * result that is no errno, and not what was wanted; -ECANCELED: it gave up because of the abort word, so another
 * run has failed). *ret_what: what it was doing, *ret_step: the step with its result (both may be NULL).
 */
int program_outcome(const struct program *p, const char **ret_what, const struct step **ret_step);

/* One line a step, for --dry-run. */
struct buf;
void program_print(const struct program *p, struct buf *out);
