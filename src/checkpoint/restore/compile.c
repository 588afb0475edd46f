/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.c - the image becomes programs: one for every process, helper and thread. What a process does, in which order, is
 * process_steps[]; docs/restore-order.md says who waits for whom and why.
 *
 * Children are written before those who fork them, whose clone3(2) names the child's program.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/parse.h"
#include "checkpoint/restore/restore_state.h"
#include "checkpoint/seed/protocol.h"
#include "sys/clone3.h"

#define KERNEL_SIGSET 8

/* One process while its program is written. */
struct compiler {
	struct restore *r;
	const struct compile_facts *facts;
	const struct birth *birth;
	struct restored_task *task; /* NULL: a helper or a zombie */
	struct program *p;
	struct emit emit;
	uint64_t meeting; /* of its threads: struct emit */
	struct error *err;
};

/* Descriptors from fd_base on: socket, image, all files, the late sockets, then the late files. */
static int late_base(const struct restore *r)
{
	return r->fd_base + HIGH_FILES + (int)(r->n_files + r->n_late_tasks);
}

static int emit_fd(void *arg, uint64_t id)
{
	const struct restore *r = arg;
	int64_t index = restored_file_index(r, id);
	if (index < 0)
		return -ENOENT;
	if (!r->files[index].late)
		return r->fd_base + HIGH_FILES + (int)index;
	int nth = 0;
	for (int64_t i = 0; i < index; i++)
		nth += r->files[i].late;
	return late_base(r) + nth;
}

/* ---- meeting ---- */

static void arrive(struct program *p, uint64_t word)
{
	struct step *s = program_step(p, STEP_ADD);
	s->arg[0] = word;
	s->arg[1] = 1;
}

static void wait_for(struct program *p, uint64_t word, size_t n)
{
	struct step *s = program_step(p, STEP_WAIT);
	s->arg[0] = word;
	s->arg[1] = n;
}

static void meet(struct program *p, uint64_t word, size_t n)
{
	arrive(p, word);
	wait_for(p, word, n);
}

/* ---- cloning ---- */

/* A child, process or thread, that goes on with its own program. */
static void emit_clone(struct program *p, uint64_t flags, int exit_signal, const struct u64s *pids,
		       uint64_t run)
{
	struct clone3_args args = {
		.flags = flags,
		.exit_signal = (uint64_t)exit_signal,
		.set_tid_size = pids->n,
	};
	uint32_t innermost_first[33];
	for (size_t i = 0; i < pids->n && i < ARRAY_SIZE(innermost_first); i++)
		innermost_first[i] = (uint32_t)pids->v[pids->n - 1 - i];
	args.set_tid = program_data(p, innermost_first, pids->n * sizeof(uint32_t));
	struct step *s = program_step(p, STEP_CLONE);
	s->arg[0] = program_data(p, &args, sizeof(args));
	s->arg[1] = sizeof(args);
	s->arg[2] = run;
}

static struct program *program_of(struct restore *r, const struct birth *b)
{
	struct restored_task *t = b->task ? restored_find(r, b->pid) : NULL;
	return t && t->n_threads ? &t->threads[0].program : &r->helpers[b->index];
}

static void fork_children(struct compiler *c, size_t from, size_t to)
{
	program_what(c->p, "forking a process");
	for (size_t i = from; i < to; i++) {
		const struct birth *child = c->birth->children[i];
		int sig = 0;
		if (child->task)
			sig = child->orphaned || child->task->exit_signal < 0
				      ? SIGCHLD
				      : child->task->exit_signal;
		emit_clone(c->p, child->new_pidns ? CLONE_NEWPID : 0, sig, &child->pids,
			   program_of(c->r, child)->run);
	}
}

/* ---- the steps of a process ---- */

/* Process 1 alone: its descriptors, from which all inherit. */
static int step_inherit(struct compiler *c)
{
	struct program *p = c->p;
	struct rlimit none = { 0 };
	int base = c->r->fd_base;
	if (c->birth->forker)
		return 0;
	program_what(p, "making room for descriptors");
	struct rlimit now;
	if (getrlimit(RLIMIT_NOFILE, &now) == 0) {
		none.rlim_cur = none.rlim_max = now.rlim_max;
		struct step *s = program_call(p, SYS_prlimit64, 0, RLIMIT_NOFILE,
					      program_data(p, &none, sizeof(none)), 0);
		s->want = WANT_ANY;
	}
	program_call(p, SYS_dup3, SEED_FD_ENGINE, (uint64_t)(base + HIGH_SOCKET), O_CLOEXEC);
	program_call(p, SYS_dup3, RESTORE_FD_IMAGE, (uint64_t)(base + HIGH_IMAGE), O_CLOEXEC);
	program_call(p, SYS_close_range, 0, (uint64_t)(base - 1), 0);
	program_what(p, "receiving the open files");
	struct step *s = program_step(p, STEP_RECV_FDS);
	s->arg[0] = (uint64_t)(base + HIGH_SOCKET);
	s->arg[1] = (uint64_t)(base + HIGH_FILES);
	s->arg[2] = c->r->n_files + c->r->n_late_tasks;
	return 0;
}

/* Where the kernel's own code lies when the process is born: where its origin has put it. */
static int step_memory(struct compiler *c)
{
	const struct birth *origin = birth_origin(c->birth);
	const struct restored_task *from = origin ? restored_find(c->r, origin->pid) : NULL;
	struct memory_start start = {
		.parent = from ? from->memory : NULL,
		.arena_base = c->r->am.base,
		.arena_size = c->r->am.size,
		.vdso_start = c->facts->vdso_start,
		.vdso_size = c->facts->vdso_size,
		.vdso_code = c->facts->vdso_code,
		.image_fd = c->r->fd_base + HIGH_IMAGE,
	};
	if (!c->task)
		return 0; /* a helper keeps what it was born with */
	if (from)
		memory_vdso(from->memory, &start.vdso_start, &start.vdso_code);
	program_what(c->p, "mapping its memory");
	return memory_emit(&c->emit, c->task->memory, &start, c->err);
}

static int step_family(struct compiler *c)
{
	const struct birth *b = c->birth;
	if (b->task) { /* already now: late files of /proc may tell it */
		program_what(c->p, "taking its name");
		program_call(c->p, SYS_prctl, PR_SET_NAME, program_text(c->p, b->task->comm));
	}
	if (b->adopts) {
		program_what(c->p, "becoming a subreaper");
		program_call(c->p, SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	}
	fork_children(c, 0, b->n_early);
	if (b->setsid && b->forker) {
		program_what(c->p, "making a session");
		program_call(c->p, SYS_setsid, 0);
	} else if (b->makes_group) {
		program_what(c->p, "making a process group");
		program_call(c->p, SYS_setpgid, 0, 0);
	}
	fork_children(c, b->n_early, b->n_children);
	return 0;
}

static int step_groups(struct compiler *c)
{
	const struct birth *b = c->birth;
	struct program *p = c->p;
	size_t all = c->r->tree.n;
	program_what(p, "joining its process group");
	meet(p, c->r->meet.born, all);
	if (b->joins && !b->joins_late)
		program_call(p, SYS_setpgid, 0, (uint64_t)b->joins);
	for (size_t i = 0; i < b->n_children; i++) {
		const struct birth *child = b->children[i];
		if (child->forker_joins)
			program_call(p, SYS_setpgid, child->pids.v[b->pids.n - 1],
				     (uint64_t)child->forker_joins);
	}
	meet(p, c->r->meet.joined, all);
	if (!c->r->tree.n_late)
		return 0;
	if (b->joins_late)
		program_call(p, SYS_setpgid, 0, (uint64_t)b->joins);
	meet(p, c->r->meet.moved, all);
	return 0;
}

static void emit_die(struct program *p, int status)
{
	if (WIFSIGNALED(status)) {
		uint64_t none = 0;
		program_call(p, SYS_rt_sigprocmask, SIG_SETMASK,
			     program_data(p, &none, sizeof(none)), 0, KERNEL_SIGSET);
		struct step *pid = program_call(p, SYS_getpid, 0);
		pid->want = WANT_ANY;
		uint64_t self = program_result(p);
		struct step *kill = program_call(p, SYS_kill, self, (uint64_t)WTERMSIG(status));
		kill->refs = 1;
	}
	program_call(p, SYS_exit_group, (uint64_t)WEXITSTATUS(status));
}

/* Own helpers are waited for; whoever was left by one sees its real parent; zombies end. */
static int step_settle(struct compiler *c)
{
	const struct birth *b = c->birth;
	struct program *p = c->p;
	size_t tasks = c->r->tree.n - c->r->tree.n_helpers;
	program_what(p, "waiting for a helper's end");
	for (size_t i = 0; i < b->n_children; i++)
		if (!b->children[i]->task)
			program_call(p, SYS_wait4, b->children[i]->pids.v[b->pids.n - 1], 0, __WALL,
				     0);
	if (!b->task) {
		emit_die(p, 0);
		return 0;
	}
	if (b->orphaned) {
		const struct birth *parent = tree_find(&c->r->tree, b->parent);
		program_what(p, "waiting for its real parent");
		struct step *s = program_step(p, STEP_WAIT_PARENT);
		/* as its own namespace numbers the parent; 0: the parent is outside of it */
		s->arg[0] = parent->pids.n == b->pids.n ? parent->pids.v[b->pids.n - 1] : 0;
	}
	program_what(p, "meeting the others");
	arrive(p, c->r->meet.settled);
	if (b->zombie) {
		emit_die(p, b->task->exit_status);
		return 0;
	}
	wait_for(p, c->r->meet.settled, tasks);
	if (b->adopts) /* its kind says whether it is one */
		program_call(p, SYS_prctl, PR_SET_CHILD_SUBREAPER, 0);
	return 0;
}

/* What zombies do must not be told again: their signal is dropped by setting it to its default action. */
static int step_zombies(struct compiler *c)
{
	const struct birth *self = c->birth;
	struct program *p = c->p;
	program_what(p, "waiting for the end of a zombie");
	for (size_t i = 0; i < c->r->tree.n; i++) {
		const struct birth *b = c->r->tree.v[i];
		if (!b->zombie || b->parent != self->pid)
			continue;
		program_call(p, SYS_waitid, P_PID, b->pids.v[self->pids.n - 1], 0,
			     WEXITED | WNOWAIT | __WALL, 0);
	}
	uint64_t action[4] = { 0 }; /* SIG_DFL */
	program_call(p, SYS_rt_sigaction, SIGCHLD, program_data(p, action, sizeof(action)), 0,
		     KERNEL_SIGSET);
	return 0;
}

static int step_seal(struct compiler *c)
{
	program_what(c->p, "finishing its memory");
	return memory_emit_seal(&c->emit, c->task->memory, c->err);
}

/* All tasks exist with their memory: what could not be made before is made now. */
static int step_late(struct compiler *c)
{
	const struct restore *r = c->r;
	struct program *p = c->p;
	program_what(p, "waiting for the last open files");
	arrive(p, r->meet.ready);
	wait_for(p, r->meet.late, 1);
	for (size_t i = 0; i < r->n_late_tasks; i++) {
		if (r->late_socks[i].vpid != c->task->record.pid)
			continue;
		struct step *s = program_step(p, STEP_RECV_FDS);
		s->arg[0] = (uint64_t)(r->fd_base + HIGH_FILES + (int)(r->n_files + i));
		s->arg[1] = (uint64_t)late_base(r);
		s->arg[2] = r->n_late;
	}
	return 0;
}

static int step_files(struct compiler *c)
{
	struct program *p = c->p;
	const struct fd_record *v = c->task->files.fds.v;
	program_what(p, "putting descriptors in their places");
	for (size_t i = 0; i < c->task->files.fds.n; i++)
		program_call(p, SYS_dup3, (uint64_t)emit_fd(c->r, v[i].file), (uint64_t)v[i].number,
			     v[i].cloexec ? O_CLOEXEC : 0);
	program_what(p, "changing to its directories");
	if (c->task->fs.root) {
		program_call(p, SYS_fchdir, (uint64_t)emit_fd(c->r, c->task->fs.root));
		program_call(p, SYS_chroot, program_text(p, "."));
	}
	program_call(p, SYS_fchdir, (uint64_t)emit_fd(c->r, c->task->fs.cwd));
	program_call(p, SYS_umask, c->task->fs.umask);
	return 0;
}

/* What comes next may forbid the program's own calls: it waits until the engine watches it. */
static void guard(struct compiler *c, pid_t tid)
{
	for (size_t i = 0; i < c->task->n_threads; i++)
		if (c->task->threads[i].vtid == tid)
			c->task->threads[i].guarded = true;
	c->r->n_guarded++;
	program_what(c->emit.p, "waiting to be watched");
	arrive(c->emit.p, c->r->meet.guarded);
	wait_for(c->emit.p, c->r->meet.guard, 1);
}

static int emit_kind(struct compiler *c, const struct task_kind *kind, pid_t tid)
{
	char type[80];
	bool process = kind->scope == SCOPE_PROCESS;
	uint64_t id = (uint64_t)(process ? c->task->record.pid : tid);
	(void)snprintf(type, sizeof(type), "%s.%s", process ? "task" : "thread", kind->name);
	if (!image_has(c->r->img, type, id))
		return 0;
	void *record = arena_alloc(c->r->arena, kind->size);
	int r = image_get(c->r->img, type, id, kind->fields, c->r->arena, record, c->err);
	if (r == 0 && kind->guarded && kind->guarded(record) && c->facts->watch)
		guard(c, tid);
	program_what(c->emit.p, kind->name);
	return r < 0 ? r : kind->emit(&c->emit, record, c->err);
}

static int emit_phase(struct compiler *c, enum task_phase phase, const struct restored_thread *th)
{
	bool leader = th->vtid == c->task->record.pid;
	int r = 0;
	for (size_t k = 0; task_kinds[k] && r == 0; k++)
		if (task_kinds[k]->phase == phase &&
		    (leader || task_kinds[k]->scope == SCOPE_THREAD))
			r = emit_kind(c, task_kinds[k], th->vtid);
	return r;
}

/* From its own attributes to the end: the same for a leader and for each thread. */
static int emit_thread_end(struct compiler *c, const struct restored_thread *th)
{
	int r = 0;
	for (int phase = PHASE_THREAD; phase < PHASE_LAST && r == 0; phase++)
		r = emit_phase(c, (enum task_phase)phase, th);
	if (r == 0)
		r = emit_phase(c, PHASE_LAST, th);
	return r;
}

static void emit_for(struct compiler *c, struct program *p, pid_t vtid)
{
	c->emit = (struct emit){
		.p = p,
		.img = c->r->img,
		.arena = c->r->arena,
		.vpid = c->task ? c->task->record.pid : 0,
		.vtid = vtid,
		.leader = c->task && vtid == c->task->record.pid,
		.userns = c->facts->userns,
		.fd = emit_fd,
		.arg = c->r,
		.monotonic_lag = c->facts->monotonic_lag,
		.lacking = c->facts->lacking,
		.own_init = c->facts->own_init,
		.watched = c->facts->watch,
		.meeting = c->meeting,
		.n_threads = c->task ? (uint32_t)c->task->n_threads : 0,
	};
}

static void close_program(struct compiler *c, struct program *p)
{
	program_close(p);
	struct run *run = program_at(p, p->run);
	run->abort = c->r->meet.abort;
	run->done = c->r->meet.done;
}

#define THREAD_FLAGS                                                                               \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static int step_threads(struct compiler *c)
{
	for (size_t i = 1; i < c->task->n_threads; i++) {
		struct restored_thread *th = &c->task->threads[i];
		program_init(&th->program, &c->r->am);
		emit_for(c, &th->program, th->vtid);
		int r = emit_thread_end(c, th);
		if (r < 0) {
			error_object(c->err, "thread %d", (int)th->vtid);
			return r;
		}
		close_program(c, &th->program);
		program_what(c->p, "making a thread");
		emit_clone(c->p, THREAD_FLAGS, 0, &th->ref->tids, th->program.run);
	}
	emit_for(c, c->p, c->task->record.pid);
	return 0;
}

static int step_phase_files(struct compiler *c)
{
	return emit_phase(c, PHASE_FILES, &c->task->threads[0]);
}

static int step_phase_process(struct compiler *c)
{
	return emit_phase(c, PHASE_PROCESS, &c->task->threads[0]);
}

/* What all tasks inherited goes; then nothing is left of the restore but the arena. */
static int step_close(struct compiler *c)
{
	program_what(c->p, "closing what it inherited");
	program_call(c->p, SYS_close_range, (uint64_t)c->r->fd_base, ~0u, 0);
	return 0;
}

static int step_end(struct compiler *c)
{
	return emit_thread_end(c, &c->task->threads[0]);
}

/* The life of a process until it waits for its registers. Helpers and zombies end in step_settle. */
static int (*const process_steps[])(struct compiler *c) = {
	step_inherit, step_memory,	  step_family,	step_groups, step_settle,
	step_zombies, step_seal,	  step_late,	step_files,  step_phase_files,
	step_close,   step_phase_process, step_threads, step_end,
};

static int compile_birth(struct restore *r, const struct birth *b,
			 const struct compile_facts *facts, struct error *err)
{
	struct restored_task *task = b->task ? restored_find(r, b->pid) : NULL;
	struct compiler c = {
		.r = r,
		.facts = facts,
		.birth = b,
		.task = task && task->n_threads ? task : NULL,
		.p = program_of(r, b),
		.err = err,
	};
	program_init(c.p, &r->am);
	if (c.task && c.task->n_threads > 1)
		c.meeting = arena_map_alloc(&r->am, 64, 64);
	emit_for(&c, c.p, b->pid);
	int e = 0;
	for (size_t i = 0; i < ARRAY_SIZE(process_steps) && e == 0; i++) {
		if (!c.task && process_steps[i] == step_zombies)
			break;
		e = process_steps[i](&c);
	}
	if (e < 0) {
		error_object(err, "pid %d (%s)", (int)b->pid, b->task ? b->task->comm : "helper");
		return e;
	}
	close_program(&c, c.p);
	return 0;
}

static uint64_t new_word(struct restore *r)
{
	return arena_map_alloc(&r->am, 64, 64); /* a cache line each: many wait and count */
}

int compile_all(struct restore *r, const struct compile_facts *facts, struct error *err)
{
	struct memory **spaces = arena_alloc(r->arena, (r->n_tasks + 1) * sizeof(*spaces));
	size_t n = 0;
	for (size_t i = 0; i < r->n_tasks; i++)
		if (r->tasks[i].memory)
			spaces[n++] = r->tasks[i].memory;
	uint64_t base = memory_find_hole(spaces, n, r->am.size);
	if (!base)
		return error_set(err, ENOTSUP,
				 "no address range is free in all tasks for %zu MiB of programs",
				 r->am.size >> 20);
	arena_map_place(&r->am, base);
	uint64_t *words[] = { &r->meet.abort,	&r->meet.born,	&r->meet.joined, &r->meet.moved,
			      &r->meet.settled, &r->meet.ready, &r->meet.late,	 &r->meet.guarded,
			      &r->meet.guard,	&r->meet.done };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		*words[i] = new_word(r);
	r->compiled = true;
	int e = 0;
	for (size_t i = r->tree.n; i-- > 0 && e == 0;)
		e = compile_birth(r, r->tree.v[i], facts, err);
	return e < 0 ? e : arena_map_check(&r->am, err);
}
