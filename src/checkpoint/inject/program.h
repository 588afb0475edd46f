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
	STEP_END,  /* the program's end: see struct blob_frame */
	STEP_CALL, /* system call nr with arg[0..5]; result kept and judged by `want` */
	STEP_CLONE, /* clone3(arg[0] = address of clone_args, arg[1] = its size); the child goes on with the
			     program at arg[2] (on stack arg[3] if not 0, which clone_args names as well) */
	STEP_READ, /* fd arg[0], struct iovec * arg[1], count arg[2], file offset arg[3]: preadv until all is there */
	STEP_WAIT, /* until the 32-bit word at arg[0] is >= arg[1], or the abort word is set: futex(2) */
	STEP_ADD,	  /* add arg[1] to the 32-bit word at arg[0] and wake its waiters */
	STEP_WAIT_PARENT, /* until getppid() == arg[0]: a helper before us is gone */
	STEP_RECV_FDS, /* socket arg[0]: receive arg[2] descriptors by SCM_RIGHTS, dup3 them to arg[1], arg[1] + 1, ...
			     O_CLOEXEC, as many messages as it takes (each begins with a 32-bit count of its descriptors) */
	STEP_COPY, /* memcpy(arg[0], arg[1], arg[2]) */
	STEP_XSAVE, /* execute one AMX tile instruction, so that the kernel grows the thread's state (arch) */
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

/* What the interpreter and the engine share about one run of one program. In the arena. */
struct run {
	uint64_t steps; /* address of the first step */
	uint32_t at;	/* index of the step that is executed or that failed */
	uint32_t state; /* RUN_* */
	uint64_t
		abort; /* address of a 32-bit word: not 0 means give up (waiting steps look at it) */
	uint64_t
		done; /* address of a 32-bit counter, increased and woken when this run is done or failed; 0: none */
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

/* Writes the steps (an END is added) and a struct run to the arena. */
void program_close(struct program *p);
/* After a run: the step that failed and its errno. 0 when all went well, -EINPROGRESS before the end, or -errno
 * of the step, *ret_what what it was doing. */
int program_outcome(const struct program *p, const char **ret_what, const struct step **ret_step);

/* One line a step, for --dry-run. */
struct buf;
void program_print(const struct program *p, struct buf *out);
