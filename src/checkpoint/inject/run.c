/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - programs in stopped threads: an arena is mapped there, filled, entered, and read back. See tracee.h.
 *
 * The end of a program is found by reading its state, over and over: a trap instruction there would end the thread if
 * we had died by then, and stopping at each system call would cost more than the calls. A program takes some
 * ten microseconds.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "checkpoint/inject/arena_map.h"
#include "checkpoint/inject/blob_code.h"
#include "checkpoint/inject/frame.h"
#include "checkpoint/inject/trap.h"
#include "checkpoint/inject/visit.h"
#include "sys/tracing.h"

#define PAGE	4096
#define STOP_MS 5000

static int64_t visit_mmap(struct visit *v, uint64_t at, size_t size, int protection, int flags,
			  struct error *err)
{
	const uint64_t args[6] = { at,
				   size,
				   (uint64_t)protection,
				   (uint64_t)(flags | MAP_PRIVATE | MAP_ANONYMOUS),
				   (uint64_t)-1,
				   0 };
	return visit_call(v, SYS_mmap, args, err);
}

/*
 * A process may have forbidden itself memory that is writable and executable (PR_SET_MDWE, SELinux): then the code
 * gets a mapping of its own, which is never writable to it; we write to it all the same.
 */
static int64_t map_apart(struct visit *v, size_t size, struct error *err)
{
	size_t code = (blob_size + PAGE - 1) / PAGE * PAGE;
	int64_t base = visit_mmap(v, 0, size, PROT_READ | PROT_WRITE, 0, err);
	if (base < 0)
		return base;
	int64_t r = visit_mmap(v, (uint64_t)base, code, PROT_READ | PROT_EXEC, MAP_FIXED, err);
	if (r >= 0)
		return base;
	const uint64_t args[6] = { (uint64_t)base, size };
	IGNORE_RESULT(visit_call(v, SYS_munmap, args, NULL));
	return r;
}

int tracee_map(struct tracee *leader, size_t size, uint64_t *ret_base, struct error *err)
{
	struct visit v;
	struct error told = ERROR_INIT;
	int r = visit_begin(leader, &v, err);
	if (r < 0)
		return r;
	size = (size + PAGE - 1) / PAGE * PAGE;
	int64_t base = visit_mmap(&v, 0, size, PROT_READ | PROT_WRITE | PROT_EXEC, 0, &told);
	if (!told.err && (base == -EACCES || base == -EPERM))
		base = map_apart(&v, size, &told);
	r = visit_end(&v, told.err ? NULL : err);
	if (told.err) {
		if (err)
			*err = told;
		return -told.err;
	}
	if (r < 0)
		return r;
	if (base < 0) {
		error_sys(err, (int)-base, "no memory for programs in it");
		return trap_object(leader, err);
	}
	*ret_base = (uint64_t)base;
	return 0;
}

int tracee_unmap(struct tracee *leader, uint64_t base, size_t size, struct error *err)
{
	struct error told = ERROR_INIT;
	const uint64_t args[6] = { base, (size + PAGE - 1) / PAGE * PAGE };
	int64_t r = tracee_call(leader, SYS_munmap, args, &told);
	if (r < 0 && !told.err) {
		error_sys(&told, (int)-r, "cannot take our memory back from it");
		trap_object(leader, &told);
	}
	if (r < 0 && err)
		*err = told;
	return (int)r;
}

/* ---- running ---- */

/* Until the program is done or failed; -ETIMEDOUT, -ESRCH, -EFAULT: it got a signal of its own making. */
static int run_watch(struct tracee *t, const struct arena_map *am, uint64_t run, int64_t deadline)
{
	uint64_t at = run + offsetof(struct run, state);
	(void)am;
	for (unsigned int idle = 0;;) {
		uint32_t state = RUN_NOT_YET;
		if (tracee_read(t, at, &state, sizeof(state)) == 0 &&
		    (state == RUN_DONE || state == RUN_FAILED))
			return 0;
		struct trap_status s = trap_ask(t);
		if (s.trap == TRAP_GONE || s.trap == TRAP_DIED)
			return -ESRCH;
		if (s.trap == TRAP_SIGNAL && s.signal != SIGSTOP)
			return -EFAULT;
		if (s.trap != TRAP_NONE) {
			if (s.trap == TRAP_SIGNAL)
				t->held_stop = true;
			t->stopped = false;
			if (trace_continue(t->tid, 0) < 0)
				return -ESRCH;
		}
		if (trap_now() > deadline)
			return -ETIMEDOUT;
		trap_rest(&idle);
	}
}

/* Stops it wherever it is. -ETIMEDOUT where it went home by itself. */
static int run_stop(struct tracee *t, const struct arena_map *am)
{
	struct user_regs_struct now;
	size_t size = sizeof(now);
	int64_t deadline = trap_deadline(STOP_MS);
	while (!t->stopped) {
		struct trap_status s;
		int r = trace_interrupt(t->tid);
		if (r == 0)
			r = trap_wait(t, deadline, &s);
		if (r == 0 && !t->stopped)
			r = -ESRCH;
		if (r == 0 && s.trap == TRAP_SIGNAL && s.signal == SIGSTOP)
			t->held_stop = true;
		if (r < 0)
			return r;
	}
	int r = trace_get_set(t->tid, NT_PRSTATUS, &now, &size);
	if (r == 0 && now.rip - am->base >= am->size) {
		t->strayed = true;
		r = -ETIMEDOUT;
	}
	return r;
}

static int run_told(struct tracee *t, const struct program *p, int r, struct error *err)
{
	const char *what = NULL;
	if (r == -ESRCH)
		error_set(err, ESRCH, "it was killed while we worked in it");
	else if (r == -EFAULT)
		error_set(err, EFAULT, "the program of ours in it crashed");
	else if (r == -ETIMEDOUT && t->strayed)
		error_set(err, ETIMEDOUT,
			  "the machine is too busy: it had to go on before we looked at it");
	else if (r == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, "the program of ours in it does not end");
	else if (r == 0 && (r = program_outcome(p, &what, NULL)) < 0)
		error_sys(err, -r, "%s", what);
	else if (r < 0)
		error_sys(err, -r, "cannot run a program in it");
	return r < 0 ? trap_object(t, err) : 0;
}

/* From the visit's beginning to its end; the arena has been copied over. */
static int run_visit(struct tracee *t, struct arena_map *am, const struct program *p,
		     uint64_t frame, unsigned timeout_ms, struct error *err)
{
	struct visit v;
	int r = visit_begin_at(t, am->base + BLOB_HOME, frame, &v, err);
	if (r < 0)
		return r;
	struct user_regs_struct regs = v.regs;
	regs.rip = am->base + BLOB_ENTRY;
	regs.rdi = p->run;
	r = trace_set_regs(t->tid, &regs);
	if (r == 0) {
		t->stopped = false;
		r = trace_continue(t->tid, 0);
	}
	if (r == 0)
		r = run_watch(t, am, p->run, trap_deadline(timeout_ms));
	int stopped = r == -ESRCH ? r : run_stop(t, am);
	if (stopped == 0)
		stopped = visit_end(&v, NULL);
	if (r == 0 || stopped == -ESRCH)
		r = stopped;
	if (r == 0)
		r = tracee_read(t, am->base, am->map, am->used);
	return run_told(t, p, r, err);
}

int tracee_run(struct tracee *t, struct arena_map *am, struct program *p, unsigned timeout_ms,
	       struct error *err)
{
	uint64_t frame = arena_map_alloc(am, frame_size(t), FRAME_ALIGN);
	struct run *run = program_at(p, p->run);
	run->mode = RUN_RETURNS;
	run->home = frame;
	frame_build(t, frame, arena_map_at(am, frame));
	int r = arena_map_check(am, err);
	if (r < 0)
		return trap_object(t, err);
	r = tracee_write(t, am->base, am->map, am->used);
	if (r < 0) {
		error_sys(err, -r, "cannot write a program to its memory");
		return trap_object(t, err);
	}
	return run_visit(t, am, p, frame, timeout_ms, err);
}
