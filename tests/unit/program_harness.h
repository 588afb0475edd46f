/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_harness.h - runs programs (checkpoint/inject) in children of the test: the arena is mapped there as a
 * restored task has it, and the interpreter is jumped into.
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "checkpoint/inject/arena_map.h"
#include "checkpoint/inject/blob_code.h"
#include "checkpoint/inject/program.h"
#include "sys/clone3.h"

#define PROGRAM_ARENA (8u << 20)

/* An arena at an address that is free here, so in children as well; with words for abort and done. */
struct program_world {
	struct arena_map am;
	uint64_t abort, done;
};

static inline uint64_t program_free_address(size_t size)
{
	void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	munmap(p, size);
	return (uint64_t)(uintptr_t)p;
}

static inline void program_world_new(struct program_world *w)
{
	struct error err = ERROR_INIT;
	assert_int_equal(arena_map_new_shared(PROGRAM_ARENA, &w->am, &err), 0);
	arena_map_place(&w->am, program_free_address(PROGRAM_ARENA));
	w->abort = arena_map_alloc(&w->am, 4, 4);
	w->done = arena_map_alloc(&w->am, 4, 4);
}

static inline void program_world_done(struct program_world *w)
{
	arena_map_done(&w->am);
}

static inline struct run *program_run_of(const struct program *p)
{
	return program_at(p, p->run);
}

static inline void program_close_in(struct program_world *w, struct program *p)
{
	program_close(p);
	struct run *r = program_run_of(p);
	r->abort = w->abort;
	r->done = w->done;
	assert_false(w->am.full);
}

/* In a child: becomes the program. */
NORETURN static inline void program_enter(struct program_world *w, const struct program *p)
{
	sigset_t all;
	sigfillset(&all);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	void *at =
		mmap((void *)(uintptr_t)w->am.base, w->am.size, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_SHARED | MAP_FIXED_NOREPLACE, w->am.fd, 0);
	if (at == MAP_FAILED)
		_exit(99);
	((void (*)(uint64_t))(uintptr_t)(w->am.base + BLOB_ENTRY))(p->run);
	__builtin_unreachable();
}

static inline pid_t program_start(struct program_world *w, const struct program *p)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		program_enter(w, p);
	}
	return pid;
}

/* Until `n` runs are done or failed; false after 10 seconds. */
static inline bool program_wait(struct program_world *w, uint32_t n)
{
	uint32_t *word = arena_map_at(&w->am, w->done);
	for (int i = 0; i < 20000; i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) >= n)
			return true;
		nanosleep(&(struct timespec){ 0, 500000 }, NULL);
	}
	return false;
}

/* SIGKILL; the wait status. */
static inline int program_end(pid_t pid)
{
	int status = 0;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	return status;
}

/* Runs one to its end and tells the outcome. */
static inline int program_outcome_of(struct program_world *w, struct program *p, const char **what)
{
	program_close_in(w, p);
	pid_t pid = program_start(w, p);
	assert_true(program_wait(w, 1));
	program_end(pid);
	return program_outcome(p, what, NULL);
}
