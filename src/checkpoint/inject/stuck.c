/* SPDX-License-Identifier: Apache-2.0 */
/* stuck.c - what does not stop by itself, or has ended unseen. See stop.c for the reasons. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/inject/stop_parts.h"
#include "checkpoint/inject/tracees_parts.h"
#include "checkpoint/inject/trap.h"
#include "sys/tracing.h"

#define KCMP_VM	      1
#define CALL_TEXT_MAX 256

void stop_lost(struct stop *s, struct tracee *t)
{
	struct trap_facts f;
	if (t->traced && !t->stopped && !t->loose)
		s->n_waiting--;
	s->n_loose -= t->loose;
	t->traced = t->stopped = t->loose = false;
	bool zombie = t->tid == t->tgid && trap_facts_read(t->tid, &f) == 0 &&
		      (f.state == 'Z' || f.state == 'X');
	t->state = zombie ? 'Z' : 0;
	s->n_changes++;
	if (!zombie)
		s->t->parts->processes[t->process].known--;
}

void stop_go_on(struct tracee *t, int signal)
{
	t->stopped = t->loaded = false;
	if (!t->loose)
		IGNORE_RESULT(trace_interrupt(t->tid));
	IGNORE_RESULT(trace_continue(t->tid, signal));
}

static long call_of(const struct tracee *t)
{
	char path[64], text[CALL_TEXT_MAX];
	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)t->tid);
	if (file_read_line(AT_FDCWD, path, text, sizeof(text)) < 0 || text[0] < '0' ||
	    text[0] > '9')
		return -1; /* "running" */
	return atol(text);
}

/* Whether it may be waiting for the child of its vfork. */
static bool in_vfork(const struct tracee *t)
{
	long nr = call_of(t);
	return nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3;
}

/* The child that a thread in vfork(2) waits for: it has the same memory. */
static struct tracee *vfork_child(struct stop *s, const struct tracee *parent)
{
	for (size_t i = 0; i < s->t->n; i++) {
		struct tracee *t = &s->t->v[i];
		struct trap_facts f;
		if (!t->traced || t->tid != t->tgid || t->tgid == parent->tgid)
			continue;
		if (trap_facts_read(t->tid, &f) == 0 && f.ppid == parent->tgid &&
		    syscall(SYS_kcmp, parent->tid, t->tid, KCMP_VM, 0, 0) == 0)
			return t;
	}
	return NULL;
}

/* A stopped thread was killed: as long as we have not reaped it, the execve(2) of another may wait for that. */
static void ended_in_stop(struct stop *s, struct tracee *t)
{
	struct trap_status st = trap_ask(t);
	if (st.trap != TRAP_DIED && st.trap != TRAP_GONE)
		return;
	t->stopped = true; /* it was not waited for */
	stop_lost(s, t);
}

/*
 * Looks at what has not stopped yet: lets loose what it waits for; and finds out what is not ours any more, where
 * waitpid(2) does not tell since it is a child of this process.
 */
void stop_loosen(struct stop *s)
{
	pid_t self = (pid_t)syscall(SYS_gettid);
	for (size_t i = 0; i < s->t->n; i++) {
		struct tracee *t = &s->t->v[i];
		struct trap_facts f;
		if (!t->traced)
			continue;
		if (t->stopped) {
			ended_in_stop(s, t);
			continue;
		}
		if (trap_facts_read(t->tid, &f) == 0 && f.tracer != self) {
			stop_lost(s, t);
			continue;
		}
		if (!in_vfork(t)) {
			/* in case that an exec or another trap has swallowed it */
			IGNORE_RESULT(trace_interrupt(t->tid));
			continue;
		}
		struct tracee *child = vfork_child(s, t);
		if (!child || !child->stopped)
			continue;
		child->loose = true;
		s->n_loose++;
		stop_go_on(child, 0);
	}
}

/* Those let loose have done what they were let loose for, perhaps: if not, they will be once more. */
void stop_tighten(struct stop *s)
{
	for (size_t i = 0; i < s->t->n; i++) {
		struct tracee *t = &s->t->v[i];
		if (!t->loose)
			continue;
		t->loose = false;
		s->n_loose--;
		s->n_waiting++;
		IGNORE_RESULT(trace_interrupt(t->tid));
	}
}

int stop_stuck(struct stop *s)
{
	struct tracee *t = NULL;
	for (size_t i = 0; i < s->t->n && !t; i++)
		if (s->t->v[i].traced && !s->t->v[i].stopped && !s->t->v[i].loose)
			t = &s->t->v[i];
	if (!t)
		return error_set(
			s->err, ETIMEDOUT,
			"processes and threads come and go faster than they can be stopped");
	char path[64], wchan[64] = "";
	struct trap_facts f = { 0 };
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->tid);
	IGNORE_RESULT(file_read_line(AT_FDCWD, path, t->comm, sizeof(t->comm)) < 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/wchan", (int)t->tid);
	if (file_read_line(AT_FDCWD, path, wchan, sizeof(wchan)) < 0 || str_eq(wchan, "0"))
		(void)snprintf(wchan, sizeof(wchan), "unknown");
	IGNORE_RESULT(trap_facts_read(t->tid, &f) < 0);
	const struct tracee *child = in_vfork(t) ? vfork_child(s, t) : NULL;
	if (child) {
		error_set(s->err, ETIMEDOUT,
			  "it cannot be stopped: its vfork(2) waits for process %d (state %c, "
			  "wchan %s)",
			  (int)child->tid, f.state ? f.state : '?', wchan);
		error_hint(s->err, "try again when that process has executed its program");
	} else {
		error_set(s->err, ETIMEDOUT,
			  "it cannot be stopped: it waits in the kernel (state %c, wchan %s)",
			  f.state ? f.state : '?', wchan);
		error_hint(s->err, "is its control group frozen, or a file system not answering?");
	}
	return trap_object(t, s->err);
}
