/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_trip.h - what a thread holds goes into an image and comes back. One child sets something up and runs the program of
 * questions itself, is stopped and collected; another, made from nothing but the image, runs the program that
 * makes it again and is asked the same. What both told must be equal, byte by byte.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/kind/task_kind.h"
#include "program_harness.h"

#define MAX_KINDS 64

/* One child and what it told. */
struct subject {
	pid_t pid;
	int go; /* pipe: the address of its run */
	struct program visit;
	uint8_t cookies[MAX_KINDS][128];
	struct buf told[MAX_KINDS]; /* encoded records; empty: none */
	struct task_facts facts;
	struct tracee tracee;
};

struct journey {
	struct program_world world;
	struct arena arena;
	struct collect c;
	struct tracees tracees;
	struct error err;
	int image_fd;
	struct image *img;
	struct subject there, back;
	size_t n_done;
};

static struct journey trip;

/* Called here before the second child is made: what it is born with. */
static void (*before_back)(void);

/* Both children are traced from the beginning, and their filters not asked: as tasks are by the engine of root. */
static bool suspended;
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

static void check(struct journey *j, int r, const char *doing)
{
	char line[1200];
	if (r < 0)
		fail_msg("%s: %d: %s", doing, r, error_line(&j->err, line, sizeof(line)));
}

static char *text_of(struct journey *j, pid_t pid, const char *name)
{
	char path[64];
	struct buf text = BUF_INIT;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)pid, name);
	assert_int_equal(file_read(-1, path, 1 << 20, &text), 0);
	char *copy = arena_strdup(&j->arena, buf_str(&text));
	buf_done(&text);
	return copy;
}

static void facts_read(struct journey *j, struct subject *s)
{
	s->facts = (struct task_facts){
		.pid = s->pid,
		.tid = s->pid,
		.vpid = s->pid,
		.vtid = s->pid,
		.comm = text_of(j, s->pid, "comm"),
		.leader = true,
		.status = text_of(j, s->pid, "status"),
		.stat = text_of(j, s->pid, "stat"),
		.tracee = &s->tracee,
	};
	((char *)s->facts.comm)[strcspn(s->facts.comm, "\n")] = 0;
	s->tracee.tid = s->tracee.tgid = s->pid;
}

/* A child that waits to be told which run to enter; set_up is called before. */
static void subject_start(struct journey *j, struct subject *s, void (*set_up)(void))
{
	int go[2], ready[2];
	char c;
	assert_int_equal(pipe2(go, O_CLOEXEC) | pipe2(ready, O_CLOEXEC), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		struct program p = { .run = 0 };
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* goes with the rest, and comes back */
		if (read(go[0], &c, 1) != 1)
			_exit(98);
		if (set_up)
			set_up();
		/* a restored thread begins without what the C library registers */
		else if (__rseq_size)
			syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1,
				RSEQ_SIG);
		close(ready[1]);
		if (read(go[0], &p.run, sizeof(p.run)) != sizeof(p.run))
			_exit(98);
		program_enter(&j->world, &p);
	}
	fd_close(ready[1]);
	fd_close(go[0]);
	if (suspended)
		assert_int_equal(ptrace(PTRACE_SEIZE, s->pid, NULL,
					(void *)(uintptr_t)PTRACE_O_SUSPEND_SECCOMP),
				 0);
	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(read(ready[0], &c, 1), 0);
	fd_close(ready[0]);
	s->go = go[1];
	facts_read(j, s);
}

static void subject_ask(struct journey *j, struct subject *s, const struct task_facts *facts)
{
	for (size_t k = 0; task_kinds[k]; k++) {
		assert_true(task_kinds[k]->cookie <= sizeof(s->cookies[k]));
		if (task_kinds[k]->ask)
			check(j, task_kinds[k]->ask(facts, &s->visit, s->cookies[k]), "ask");
	}
}

/* Runs its program and stops it where it then waits. */
static void subject_run(struct journey *j, struct subject *s)
{
	const char *what = "";
	const struct step *step;
	program_close_in(&j->world, &s->visit);
	assert_int_equal(write(s->go, &s->visit.run, sizeof(uint64_t)), sizeof(uint64_t));
	s->go = fd_close(s->go);
	if (!program_wait(&j->world, (uint32_t)++j->n_done))
		fail_msg("the program hangs");
	int r = program_outcome(&s->visit, &what, &step);
	if (r < 0)
		fail_msg("cannot %s: call %u: %d", what, step->nr, r);
	int status;
	if (!suspended)
		assert_int_equal(ptrace(PTRACE_SEIZE, s->pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, s->pid, NULL, NULL), 0);
	assert_int_equal(waitpid(s->pid, &status, __WALL), s->pid);
	assert_true(WIFSTOPPED(status));
	facts_read(j, s);
}

static void subject_collect(struct journey *j, struct subject *s, bool put)
{
	char type[80];
	struct tracee one = { .tid = s->pid, .tgid = s->pid };
	j->tracees = (struct tracees){ .v = &one, .n = 1, .cap = 1 };
	for (size_t k = 0; task_kinds[k]; k++) {
		const struct task_kind *kind = task_kinds[k];
		void *rec = arena_alloc(&j->arena, kind->size);
		bool none = false;
		check(j,
		      kind->collect(&j->c, &s->facts, &s->visit, s->cookies[k], rec, &none,
				    &j->err),
		      kind->name);
		if (none)
			continue;
		record_encode(kind->fields, rec, &s->told[k]);
		(void)snprintf(type, sizeof(type), "%s.%s",
			       kind->scope == SCOPE_PROCESS ? "task" : "thread", kind->name);
		if (put)
			check(j, collect_put(&j->c, type, 1, kind->fields, rec, &j->err), type);
	}
}

static int no_fd(void *arg, uint64_t id)
{
	(void)arg;
	(void)id;
	return -ENOENT;
}

static void emit_all(struct journey *j)
{
	struct emit e = {
		.p = &j->back.visit,
		.img = j->img,
		.arena = &j->arena,
		.vpid = 1,
		.vtid = 1,
		.leader = true,
		.fd = no_fd,
		.watched = suspended,
	};
	char type[80];
	for (int phase = 0; phase < PHASE_N; phase++)
		for (size_t k = 0; task_kinds[k]; k++) {
			const struct task_kind *kind = task_kinds[k];
			void *rec = arena_alloc(&j->arena, kind->size);
			(void)snprintf(type, sizeof(type), "%s.%s",
				       kind->scope == SCOPE_PROCESS ? "task" : "thread",
				       kind->name);
			if ((int)kind->phase != phase || !image_has(j->img, type, 1))
				continue;
			check(j, image_get(j->img, type, 1, kind->fields, &j->arena, rec, &j->err),
			      type);
			check(j, kind->emit(&e, rec, &j->err), kind->name);
		}
}

static void settle_all(struct journey *j)
{
	struct settle s = { .pid = j->back.pid, .tid = j->back.pid, .proc = j->c.proc };
	for (size_t k = 0; task_kinds[k]; k++) {
		const struct task_kind *kind = task_kinds[k];
		void *rec = arena_alloc(&j->arena, kind->size);
		if (!kind->settle || !j->there.told[k].len)
			continue;
		check(j,
		      record_decode(kind->fields, j->there.told[k].data, j->there.told[k].len,
				    &j->arena, rec, &j->err),
		      kind->name);
		check(j, kind->settle(&s, rec, &j->err), kind->name);
	}
}

static void journey_begin(struct journey *j)
{
	memset(j, 0, sizeof(*j));
	j->there.go = j->back.go = FD_NONE;
	program_world_new(&j->world);
	j->image_fd = memfd_create("image", MFD_CLOEXEC);
	j->c = (struct collect){
		.arena = &j->arena,
		.tracees = &j->tracees,
		.init = getpid(),
		.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	check(j, image_writer_new(j->image_fd, &j->c.w, &j->err), "writer");
	program_init(&j->there.visit, &j->world.am);
	program_init(&j->back.visit, &j->world.am);
}

static void subject_end(struct subject *s)
{
	s->go = fd_close(s->go);
	if (s->pid > 0)
		program_end(s->pid);
	s->pid = 0;
	program_done(&s->visit);
}

static void journey_end(struct journey *j)
{
	if (!j->world.am.map)
		return;
	for (size_t k = 0; k < MAX_KINDS; k++) {
		buf_done(&j->there.told[k]);
		buf_done(&j->back.told[k]);
	}
	subject_end(&j->there);
	subject_end(&j->back);
	image_free(j->img);
	image_writer_free(j->c.w);
	fd_close(j->c.proc);
	fd_close(j->image_fd);
	program_world_done(&j->world);
	arena_done(&j->arena);
	memset(j, 0, sizeof(*j));
}

/* After every test, passed or not. */
static int teardown(void **state)
{
	(void)state;
	suspended = false;
	before_back = NULL;
	journey_end(&trip);
	return 0;
}

static void journey_there(struct journey *j, void (*set_up)(void))
{
	subject_start(j, &j->there, set_up);
	subject_ask(j, &j->there, &j->there.facts);
	subject_run(j, &j->there);
	subject_collect(j, &j->there, true);
}

static void journey_run(struct journey *j, void (*set_up)(void))
{
	journey_begin(j);
	journey_there(j, set_up);
	for (size_t i = 0; i < j->c.n_refusals; i++)
		print_message("refused: %s: %s\n", j->c.refusals[i].object, j->c.refusals[i].why);
	check(j, image_finish(j->c.w, NULL, &j->err), "finish");
	check(j, image_open(j->image_fd, &j->img, &j->err), "open");

	if (before_back)
		before_back();
	subject_start(j, &j->back, NULL);
	emit_all(j);
	/* a timer that is due now fires, with coarse clocks too */
	struct timespec moment = { 0, 20000000 };
	program_call(&j->back.visit, SYS_nanosleep,
		     program_data(&j->back.visit, &moment, sizeof(moment)), 0);
	subject_ask(j, &j->back, &j->there.facts);
	subject_run(j, &j->back);
	settle_all(j);
	facts_read(j, &j->back);
	subject_collect(j, &j->back, false);
}

static size_t kind_at(const char *name, enum task_scope scope)
{
	size_t k = 0;
	while (task_kinds[k] &&
	       (!str_eq(task_kinds[k]->name, name) || task_kinds[k]->scope != scope))
		k++;
	assert_non_null(task_kinds[k]);
	return k;
}

static char *told_json(const char *name, const struct buf *told, struct buf *out)
{
	struct image_record rec = { name, 1, told->data, told->len };
	if (told->len)
		image_record_json(&rec, out);
	else
		buf_puts(out, "nothing");
	return out->data;
}

/* Everything but what runs on: timers are compared by those who set them. */
static void journey_compare(struct journey *j)
{
	for (size_t k = 0; task_kinds[k]; k++) {
		const struct buf *a = &j->there.told[k], *b = &j->back.told[k];
		struct buf x = BUF_INIT, y = BUF_INIT;
		if (str_eq(task_kinds[k]->name, "timers") || str_eq(task_kinds[k]->name, "itimers"))
			continue;
		if (a->len != b->len || memcmp(buf_str(a), buf_str(b), a->len) != 0)
			fail_msg("%s: there %s, back %s", task_kinds[k]->name,
				 told_json(task_kinds[k]->name, a, &x),
				 told_json(task_kinds[k]->name, b, &y));
	}
}

/* That the kind had something to tell, so that the test tests something. */
static UNUSED void told(struct journey *j, const char *name, enum task_scope scope)
{
	if (!j->there.told[kind_at(name, scope)].len)
		fail_msg("%s told nothing", name);
}

static UNUSED void round_trip(void (*set_up)(void), const char *name, enum task_scope scope)
{
	journey_run(&trip, set_up);
	if (name)
		told(&trip, name, scope);
	journey_compare(&trip);
	assert_int_equal(trip.c.n_refusals, 0);
	journey_end(&trip);
}

/* In the child: dies visibly when the set-up does not work. */
#define MUST(expr)                                                                                 \
	do {                                                                                       \
		if ((long)(expr) < 0) {                                                            \
			perror(#expr);                                                             \
			_exit(97);                                                                 \
		}                                                                                  \
	} while (0)
