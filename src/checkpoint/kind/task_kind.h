/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_kind.h - a kind of thing that a process or a thread holds and that is no file: signal actions, timers,
 * credentials, limits, scheduling ... One file here and one word in meson.build (task_kinds).
 *
 * On dump a kind may ask the task itself: ask() adds steps to a program that runs in it once for all kinds; its answers
 * lie in the program's arena. collect() then fills the record from them and from /proc.
 * On restore emit() adds the steps that make it again, to the task's program, in the kind's phase; records of
 * the same phase are emitted in the table's order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "checkpoint/image/image.h"
#include "checkpoint/inject/program.h"
#include "checkpoint/kind/collect.h"

enum task_scope { SCOPE_PROCESS, SCOPE_THREAD };

/* When a record is emitted within a task's program: docs/restore-order.md tells who waits for whom. */
enum task_phase {
	PHASE_FILES,   /* descriptors are in place; root, cwd, umask */
	PHASE_PROCESS, /* what the whole process has: signal actions, limits that do not hinder us */
	PHASE_THREAD, /* what each thread has and what does not hinder it: name, scheduling, alternate stack, rseq */
	PHASE_TIMERS,  /* what runs: timers, armed as late as can be */
	PHASE_PENDING, /* queued signals (all are blocked) */
	PHASE_CREDENTIALS, /* ids, capabilities, what is lost with them; then no privileged call is possible */
	PHASE_LAST, /* seccomp: after this only futex, and what the tracer does (see `guarded`) */
	PHASE_N,
};

struct task_facts {
	pid_t pid, tid;	  /* host numbers */
	pid_t vpid, vtid; /* in the container's namespace */
	const char *comm;
	bool leader;
	const char *status; /* text of /proc/PID/task/TID/status */
	const char *stat;   /* of /proc/PID/task/TID/stat */
	const struct tracee *tracee;
};

/* A task whose program is being written. */
struct emit {
	struct program *p;
	struct image *img;
	struct arena *arena;
	pid_t vpid, vtid;
	bool leader;
	bool userns; /* the engine is not root of the first user namespace: what is refused there is left */
	/* Where an open file lies while the program runs (O_CLOEXEC, gone at the end). -ENOENT. */
	int (*fd)(void *arg, uint64_t file_id);
	void *arg;
	uint64_t
		monotonic_lag; /* ns between the dump and now on the container's CLOCK_MONOTONIC: about 0 */
	/*
	 * Where a process' threads meet at their very end: address of a zeroed 32-bit word in the arena, the same for all
	 * threads of the process; 0: none. n_threads counts the leader. (Leader: filters for all threads at once.)
	 */
	uint64_t meeting;
	uint32_t n_threads;
	uint64_t lacking; /* capabilities that no process here can have */
	bool own_init;	  /* process 1 is contexe-init */
	bool watched; /* a thread with a `guarded` record is watched by an engine that may suspend filters */
};

/* A thread whose program has ended, and that stands still, as the engine sees it from outside. */
struct settle {
	pid_t pid, tid; /* host numbers */
	int proc;	/* our /proc */
	bool own_init;	/* this is contexe-init */
};

struct task_kind {
	const char
		*name; /* record type is "task.NAME" or "thread.NAME"; id: container pid or tid */
	enum task_scope scope;
	enum task_phase phase;
	const struct field *fields;
	size_t size;
	size_t cookie; /* bytes that ask() keeps for collect(), zeroed; addresses of its answers */
	/* Optional. Adds steps (WANT_ANY or WANT_OK) to what runs in the task. 0 or -errno. */
	int (*ask)(const struct task_facts *t, struct program *visit, void *cookie);
	/* Fills in the record; *ret_none = true: nothing to write. Answers: program_at(visit, address in cookie). */
	int (*collect)(struct collect *c, const struct task_facts *t, const struct program *visit,
		       const void *cookie, void *record, bool *ret_none, struct error *err);
	int (*emit)(struct emit *e, const void *record, struct error *err);
	/*
	 * Optional, PHASE_LAST: true when what emit() installs may forbid the program's own last calls. The thread is
	 * then watched by the engine before it comes there (tracee_watch()).
	 */
	bool (*guarded)(const void *record);
	/*
	 * Optional: from outside, with the engine's own power, when all programs have ended and before any thread is let
	 * go: for what needs privileges of the machine that a task of a user namespace does not have.
	 */
	int (*settle)(const struct settle *s, const void *record, struct error *err);
};

/* The result of a step of ask(), whose address program_result() told; STEP_PENDING: it was not executed. */
static inline int64_t task_answer(const struct program *visit, uint64_t addr)
{
	return addr ? *(const int64_t *)program_at(visit, addr) : STEP_PENDING;
}

extern const struct task_kind *const task_kinds[]; /* ends with NULL; made by meson */
