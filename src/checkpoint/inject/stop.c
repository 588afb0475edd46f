/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop.c - tracees_stop(): every thread of a set of processes is seized, asked to stop, and waited for, until
 * nothing new appears.
 *
 * Why it ends. What is seized is followed: its new threads and children are ours from birth, and stopped there. So only
 * what was not found yet can make something that we do not know. A stopped process makes nothing; each pass finds what
 * those not found before have made; the pass that finds nothing is the last.
 *
 * Any other trap clears the stop that was asked for, so after each it is asked for again, before the
 * thread goes on; it then stops before it executes an instruction of its own.
 *
 * A signal on its way is let through: the handler's frame is set up, and the thread stops at its first instruction.
 *
 * vfork(2): the parent cannot be stopped until its child has executed a program, or ended. If we have the child
 * stopped, that is never: it is let loose, until its parent has stopped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/inject/stop_parts.h"
#include "checkpoint/inject/trap.h"
#include "checkpoint/inject/tracees_parts.h"
#include "sys/tracing.h"

#define STUCK_NS    2000000 /* after this it is asked what holds a thread */
#define STUCK_PAUSE 5000000 /* and again after this */
#define ABANDON_MS  1000
#define SEIZE_TRIES 5
#define LOOK_AGAIN  3

/* ---- what is found ---- */

static uint32_t process_rank(struct stop *s, pid_t tgid)
{
	struct tracees_parts *p = s->t->parts;
	const struct tracee *leader = tracees_find(s->t, tgid);
	if (leader)
		return leader->process;
	/* found by a thread before its leader, or listed twice before it is looked at */
	for (size_t i = p->n_processes; i > 0; i--)
		if (p->processes[i - 1].tgid == tgid)
			return (uint32_t)(i - 1);
	if (p->n_processes == p->cap_processes) {
		p->cap_processes = p->cap_processes ? 2 * p->cap_processes : 16;
		p->processes = xrealloc(p->processes, p->cap_processes * sizeof(*p->processes));
	}
	p->processes[p->n_processes] = (struct traced_process){ .tgid = tgid };
	return (uint32_t)p->n_processes++;
}

static struct tracee *found(struct stop *s, pid_t tid, uint32_t process, bool traced)
{
	struct traced_process *p = &s->t->parts->processes[process];
	struct tracee *t = tracees_add(s->t, tid, p->tgid, process);
	t->traced = traced;
	p->known++;
	s->n_changes++;
	s->n_waiting += traced;
	return t;
}

static int seize_error(struct stop *s, pid_t tgid, pid_t tid, int r, pid_t tracer)
{
	struct tracee t = { .tid = tid, .tgid = tgid };
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	IGNORE_RESULT(file_read_line(AT_FDCWD, path, t.comm, sizeof(t.comm)) < 0);
	if (tracer) {
		error_set(s->err, EBUSY, "process %d traces it", (int)tracer);
		error_hint(s->err, "end that debugger or tracer first");
	} else {
		error_sys(s->err, -r, "it may not be traced");
	}
	return trap_object(&t, s->err);
}

/* Seizes a thread and asks it to stop. Ended ones are left out, but for zombies that are processes. */
static int seize(struct stop *s, pid_t tid, uint32_t process, int tries)
{
	pid_t tgid = s->t->parts->processes[process].tgid;
	struct trap_facts f = { 0 };
	bool further = s->t->parts->processes[process].known > 0;
	if (further)
		rescue_begin(&s->rescue, s->t, process);
	int r = trace_seize(tid, TRAP_OPTIONS);
	if (further)
		rescue_end(&s->rescue);
	if (r == 0) {
		found(s, tid, process, true);
		r = trace_interrupt(tid);
		return r == -ESRCH ? 0 : r; /* if it is gone, waiting tells */
	}
	if (r == -ESRCH || trap_facts_read(tid, &f) < 0)
		return 0;
	/* ours from birth, and its parent has not told yet; dead perhaps, then ours to reap */
	if (f.tracer == (pid_t)syscall(SYS_gettid)) {
		found(s, tid, process, true);
		return 0;
	}
	if (f.state == 'Z' || f.state == 'X') {
		if (tid == tgid && f.state == 'Z')
			found(s, tid, process, false)->state = 'Z';
		return 0;
	}
	/* A dying leader, whose place a thread has taken that executed a program meanwhile, or a thread that dies. */
	if (!f.tracer && tries > 1)
		return seize(s, tid, process, tries - 1);
	return seize_error(s, tgid, tid, r, f.tracer);
}

/* All threads of a process that are not known yet. */
static int seize_threads(struct stop *s, uint32_t process)
{
	pid_t tgid = s->t->parts->processes[process].tgid;
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)tgid);
	/* one link a thread, and two: cheaper to ask than the list */
	if (stat(path, &st) < 0 || st.st_nlink == s->t->parts->processes[process].known + 2u)
		return 0;
	DIR *dir = NULL;
	const struct dirent *e;
	int r = 0;
	if (st.st_nlink == 3 && !tracees_find(s->t, tgid))
		r = seize(s, tgid, process, SEIZE_TRIES);
	else
		dir = opendir(path);
	while (r == 0 && dir && (e = readdir(dir))) {
		pid_t tid = (pid_t)atoi(e->d_name);
		const struct tracee *t = tid > 0 ? tracees_find(s->t, tid) : NULL;
		if (tid > 0 && !t)
			r = seize(s, tid, process, SEIZE_TRIES);
	}
	if (dir)
		closedir(dir);
	/* some are on their way out, or a thread is just becoming its process */
	s->incomplete |= st.st_nlink != s->t->parts->processes[process].known + 2u;
	return r;
}

/* One look at everything. */
static int scan(struct stop *s)
{
	pid_t *pids = NULL;
	size_t n = 0;
	int r = s->lister(s->arg, &pids, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!tracees_find(s->t, pids[i]))
			process_rank(s, pids[i]);
	free(pids);
	if (r < 0)
		return error_sys(s->err, -r, "cannot list the processes");
	for (size_t i = 0; r == 0 && i < s->t->parts->n_processes; i++)
		r = seize_threads(s, (uint32_t)i);
	return r;
}

/* ---- what happens ---- */

static bool is_thread_of(pid_t tid, pid_t tgid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)tgid, (int)tid);
	return access(path, F_OK) == 0;
}

/* A thread has a child, or its process a thread: ours from birth. */
static void born(struct stop *s, const struct tracee *parent)
{
	unsigned long tid = 0;
	if (trace_event_message(parent->tid, &tid) < 0)
		return;
	if (tracees_find(s->t, (pid_t)tid))
		return;
	uint32_t process = parent->process;
	if (!is_thread_of((pid_t)tid, parent->tgid))
		process = process_rank(s, (pid_t)tid);
	found(s, (pid_t)tid, process, true);
}

/*
 * A thread's number is gone without its end being told: another thread of it has executed a program, and goes on under the
 * number of the leader, which is not what we stopped any more.
 */
static void taken_over(struct stop *s, const struct tracee *t)
{
	struct tracee *leader = t->tid == t->tgid ? NULL : tracees_find(s->t, t->tgid);
	uint64_t mask;
	if (!leader || !leader->traced || !leader->stopped ||
	    trace_get_mask(leader->tid, &mask) == 0) { /* stopped already in its new life */
		if (leader)
			leader->loaded = false;
		return;
	}
	leader->stopped = false;
	s->n_waiting++;
	IGNORE_RESULT(trace_interrupt(leader->tid));
}

/* Asks one; whether there was news. */
static bool ask(struct stop *s, size_t at)
{
	struct tracee *t = &s->t->v[at];
	bool waited = !t->loose;
	struct trap_status st = trap_ask(t);
	switch (st.trap) {
	case TRAP_NONE:
		return false;
	case TRAP_GONE:
		taken_over(s, t);
		stop_lost(s, t);
		return true;
	case TRAP_DIED:
		t->stopped = false;
		stop_lost(s, t);
		return true;
	case TRAP_STOP:
		if (t->loose && !st.signal) {
			stop_go_on(t, 0);
			return true;
		}
		s->n_waiting -= waited;
		s->n_loose -= t->loose;
		t->loose = false;
		/* now, while others are still on their way; what fails here is told by load_all() */
		t->loaded = trap_load(t, NULL) == 0;
		return true;
	case TRAP_BIRTH:
		born(s, t);
		stop_go_on(&s->t->v[at], 0); /* v may have moved */
		return true;
	default:
		stop_go_on(t, st.signal);
		return true;
	}
}

/* Until every thread known has stopped or ended. */
static int wait_all(struct stop *s)
{
	unsigned int idle = 0;
	int64_t since = trap_now();
	s->ask_at = since + STUCK_NS;
	while (s->n_waiting) {
		bool news = false;
		size_t before = s->n_waiting;
		for (size_t i = 0; i < s->t->n; i++)
			if (s->t->v[i].traced && !s->t->v[i].stopped)
				news |= ask(s, i);
		if (s->n_loose && s->n_waiting < before)
			stop_tighten(s);
		if (news) {
			idle = 0;
			continue;
		}
		int64_t now = trap_now();
		if (now > s->deadline)
			return stop_stuck(s);
		if (now > s->ask_at) {
			stop_loosen(s);
			s->ask_at = now + STUCK_PAUSE;
		}
		trap_rest(&idle);
	}
	return 0;
}

/* ---- what they are ---- */

/* Reads all that were not read yet, and asks the others whether they still stand. A thread that a kill or an exec has taken from its stop is waited for again: *ret_again. */
static int load_all(struct stop *s, bool *ret_again)
{
	*ret_again = false;
	for (size_t i = 0; i < s->t->n; i++) {
		struct tracee *t = &s->t->v[i];
		struct trap_facts f;
		if (!t->traced) {
			/* a zombie was reaped since, or was a leader whose place a thread took that executes a program */
			if (t->state == 'Z' &&
			    (trap_facts_read(t->tid, &f) < 0 || f.state != 'Z')) {
				stop_lost(s, t);
				*ret_again = true;
			}
			continue;
		}
		uint64_t mask;
		int r = t->loaded ? trace_get_mask(t->tid, &mask) : trap_load(t, s->err);
		if (r == -ESRCH) {
			t->stopped = t->loaded = false;
			s->n_waiting++;
			*ret_again = true;
			IGNORE_RESULT(trace_interrupt(t->tid));
		} else if (r == -ENOTSUP) {
			return r;
		} else if (r < 0) {
			error_sys(s->err, -r, "cannot read its registers");
			return trap_object(t, s->err);
		}
	}
	return 0;
}

static int by_rank(const void *a, const void *b)
{
	const struct tracee *x = a, *y = b;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	bool x_leads = x->tid == x->tgid, y_leads = y->tid == y->tgid;
	if (x_leads != y_leads)
		return x_leads ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Those that ended go; the rest in order; each learns of its process' home. */
static void settle(struct stop *s)
{
	struct tracees *t = s->t;
	struct tracees_parts *p = t->parts;
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].state)
			t->v[n++] = t->v[i];
		else
			free(t->v[i].xstate.data);
	}
	t->n = n;
	qsort(t->v, n, sizeof(*t->v), by_rank);
	tracees_reindex(t);
	for (size_t i = 0; i < n; i++) {
		struct traced_process *process = &p->processes[t->v[i].process];
		if (!process->home)
			process->home = home_new(p->gates);
		t->v[i].home = process->home;
		home_stack_pointer(process->home, t->v[i].regs.rsp);
		/* threads of a process stop together */
		if (t->v[i].state == 'T' && t->v[i].tid != t->v[i].tgid) {
			struct tracee *leader = tracees_find(t, t->v[i].tgid);
			if (leader && leader->state == 'R') {
				leader->state = 'T';
				leader->stop_signal = t->v[i].stop_signal;
			}
		}
	}
}

static int stop_all(struct stop *s)
{
	unsigned int idle = 0;
	bool again;
	do {
		do {
			if (trap_now() > s->deadline)
				return stop_stuck(s);
			s->n_changes = 0;
			s->incomplete = false;
			int r = scan(s);
			if (r == 0)
				r = wait_all(s);
			if (r < 0)
				return r;
			/* a lister that reads /proc may miss a process in the instant of an execve(2) */
			if (!s->t->n && idle < LOOK_AGAIN)
				s->incomplete = true;
			if (s->incomplete && !s->n_changes) {
				stop_loosen(s);
				trap_rest(&idle);
			}
		} while (s->n_changes || s->incomplete);
		int r = load_all(s, &again);
		if (r < 0)
			return r;
	} while (again);
	settle(s);
	return 0;
}

/*
 * A failed stop: those stopped go on, which may be what the others wait for. What still does not stop stays seized until
 * our thread ends; the kernel lets it go then.
 */
static void stop_abandon(struct stop *s)
{
	tracees_release(s->t);
	int64_t deadline = trap_deadline(ABANDON_MS);
	unsigned int idle = 0;
	for (bool left = true; left && trap_now() < deadline; trap_rest(&idle)) {
		left = false;
		for (size_t i = 0; i < s->t->n; i++) {
			struct tracee *t = &s->t->v[i];
			if (!t->traced)
				continue;
			struct trap_status st = trap_ask(t);
			left = true;
			if (st.trap == TRAP_STOP) {
				t->traced = t->stopped = false;
				IGNORE_RESULT(trace_detach(t->tid));
			} else if (st.trap == TRAP_GONE || st.trap == TRAP_DIED) {
				t->traced = false;
			} else if (st.trap != TRAP_NONE) {
				if (st.trap == TRAP_BIRTH)
					born(s, t);
				stop_go_on(&s->t->v[i], st.signal);
			}
		}
	}
}

int tracees_stop(tracees_lister lister, void *arg, unsigned timeout_ms, struct tracees *ret,
		 struct error *err)
{
	struct tracees t = { .parts = xcalloc(1, sizeof(struct tracees_parts)) };
	struct stop s = {
		.t = &t,
		.lister = lister,
		.arg = arg,
		.deadline = trap_deadline(timeout_ms),
		.err = err,
	};
	t.parts->gates = home_gates_new();
	int r = stop_all(&s);
	rescue_done(&s.rescue);
	if (r < 0) {
		stop_abandon(&s);
		tracees_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}
