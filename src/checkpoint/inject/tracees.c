/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracees.c - the set of stopped threads: finding one, letting all go, ending all. How they are stopped is in
 * stop.c. See tracee.h.
 */
#include "checkpoint/inject/tracees_parts.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "checkpoint/inject/trap.h"
#include "sys/tracing.h"

#define KILL_MS 10000

/* ---- the index: tid -> place in v, open addressing ---- */

static size_t slot_of(const struct tracees_parts *p, pid_t tid)
{
	size_t i = ((uint32_t)tid * 2654435761u) & (p->n_slots - 1);
	return i;
}

static void index_put(struct tracees *t, size_t at)
{
	struct tracees_parts *p = t->parts;
	size_t i = slot_of(p, t->v[at].tid);
	while (p->slots[i])
		i = (i + 1) & (p->n_slots - 1);
	p->slots[i] = (uint32_t)at + 1;
}

void tracees_reindex(struct tracees *t)
{
	struct tracees_parts *p = t->parts;
	while (p->n_slots < 2 * t->cap + 64)
		p->n_slots = p->n_slots ? 2 * p->n_slots : 64;
	free(p->slots);
	p->slots = xcalloc(p->n_slots, sizeof(*p->slots));
	for (size_t i = 0; i < t->n; i++)
		index_put(t, i);
}

struct tracee *tracees_find(const struct tracees *t, pid_t tid)
{
	const struct tracees_parts *p = t->parts;
	if (!p || !p->n_slots)
		return NULL;
	for (size_t i = slot_of(p, tid); p->slots[i]; i = (i + 1) & (p->n_slots - 1))
		if (t->v[p->slots[i] - 1].tid == tid && t->v[p->slots[i] - 1].state)
			return &t->v[p->slots[i] - 1];
	return NULL;
}

struct tracee *tracees_add(struct tracees *t, pid_t tid, pid_t tgid, uint32_t process)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
		tracees_reindex(t);
	}
	struct tracee *x = &t->v[t->n++];
	*x = (struct tracee){ .tid = tid, .tgid = tgid, .process = process, .state = 'R' };
	index_put(t, t->n - 1);
	return x;
}

/* ---- letting go ---- */

static void release(struct tracee *t)
{
	if (!t->traced || !t->stopped)
		return;
	/* a handler is about to run: then the call has to fail, as it did */
	if (t->reissued && !t->strayed && trap_signal_pending(t))
		IGNORE_RESULT(trace_set_regs(t->tid, &t->regs));
	if (t->held_stop)
		syscall(SYS_tgkill, t->tgid, t->tid, SIGSTOP);
	t->killed = trace_detach(t->tid) < 0;
	t->traced = t->stopped = false;
}

/*
 * A thread that could not be let go was killed meanwhile: by the execve(2) or exit of another, which was let go before
 * it. Until we have reaped it, that execve(2) does not go on, and no parent is told of the exit.
 */
static void reap_killed(struct tracees *t)
{
	int64_t deadline = trap_deadline(KILL_MS);
	unsigned int idle = 0;
	for (size_t i = 0; i < t->n;) {
		struct tracee *x = &t->v[i];
		enum trap trap = x->killed ? trap_ask(x).trap : TRAP_GONE;
		if (trap == TRAP_DIED || trap == TRAP_GONE || trap_now() > deadline)
			i++;
		else
			trap_rest(&idle);
	}
}

void tracees_release(struct tracees *t)
{
	for (size_t i = 0; i < t->n; i++)
		release(&t->v[i]);
	reap_killed(t);
}

/* Whether a thread is no more, or a zombie that another has to reap. */
static bool is_over(struct tracee *t)
{
	struct trap_facts f;
	if (t->traced) {
		struct trap_status s = trap_ask(t);
		if (s.trap == TRAP_GONE || s.trap == TRAP_DIED)
			t->traced = t->stopped = false;
		/* the stop of a dying thread, should there be one */
		else if (s.trap != TRAP_NONE)
			IGNORE_RESULT(trace_continue(t->tid, 0));
		if (t->traced)
			return false;
	}
	return trap_facts_read(t->tid, &f) < 0 || f.state == 'Z' || f.state == 'X';
}

int tracees_kill(struct tracees *t, struct error *err)
{
	int64_t deadline = trap_deadline(KILL_MS);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].tid == t->v[i].tgid)
			kill(t->v[i].tgid, SIGKILL);
	/* Threads before their leader: its end is not told as long as one is left. */
	unsigned int idle = 0;
	for (size_t i = t->n; i > 0;) {
		if (is_over(&t->v[i - 1])) {
			i--;
			continue;
		}
		if (trap_now() > deadline) {
			error_set(err, ETIMEDOUT, "it was killed and does not end");
			return trap_object(&t->v[i - 1], err);
		}
		trap_rest(&idle);
	}
	return 0;
}

void tracees_done(struct tracees *t)
{
	tracees_release(t);
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].xstate.data);
	struct tracees_parts *p = t->parts;
	if (p) {
		for (size_t i = 0; i < p->n_processes; i++)
			home_free(p->processes[i].home);
		home_gates_free(p->gates);
		free(p->processes);
		free(p->slots);
		free(p);
	}
	free(t->v);
	*t = (struct tracees){ 0 };
}
