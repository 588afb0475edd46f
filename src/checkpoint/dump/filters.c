/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters.c - whether tasks can be asked from within although they have seccomp filters.
 *
 * For root of the machine filters are suspended meanwhile (PTRACE_O_SUSPEND_SECCOMP). For others they judge our calls like any
 * other of the task: strict mode and unknown filters may answer with its death. So nobody is asked whose answer to
 * that is not known.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "checkpoint/dump/dump_state.h"
#include "checkpoint/inject/trap.h"
#include "checkpoint/kind/filter_program.h"
#include "checkpoint/kind/known_filter.h"
#include "checkpoint/kind/privileges.h"
#include "sys/tracing.h"

#define AS_ROOT "checkpoint as root"

static bool can_suspend(const struct dumped_thread *th)
{
	pid_t tid = th->tracee->tid;
	return trace_set_options(tid, TRAP_OPTIONS | PTRACE_O_SUSPEND_SECCOMP) == 0 &&
	       trace_set_options(tid, TRAP_OPTIONS) == 0;
}

static int refuse(struct dump_state *d, const struct dumped_thread *th, const char *object,
		  const char *why, const char *remedy)
{
	d->unaskable = true;
	return collect_refuse(&d->c, th->facts.pid, object, why, remedy);
}

static bool job_filter_allows(const struct dump_state *d, uint32_t nr)
{
	const struct known_filter *k = d->c.filter;
	return filter_program_allows(k->v, k->n, (int)nr);
}

static int check_thread(struct dump_state *d, const struct dumped_thread *th, struct error *err)
{
	/* what every visit makes, see inject/visit.h */
	static const uint32_t calls[] = { SYS_mmap, SYS_munmap, SYS_rt_sigreturn, SYS_futex };
	struct privileges p;
	if (privileges_parse(th->facts.status, &p) < 0)
		return error_set(err, EINVAL, "cannot read the privileges of a thread");
	if (!p.seccomp || can_suspend(th))
		return 0;
	if (p.seccomp == PRIVILEGES_SECCOMP_STRICT)
		return refuse(d, th, "seccomp's strict mode",
			      "only root of the machine can look into such a process", AS_ROOT);
	enum known_filters known = known_filters_of(&d->c, th->facts.pid, th->facts.tid);
	if (known == KNOWN_FILTERS_NOT && !d->c.filter)
		return refuse(d, th, "a seccomp filter",
			      "only root of the machine may read it, and it is not written down "
			      "which one the container was started with",
			      AS_ROOT ", or start the container anew; `contexe exec --privileged` "
				      "makes it uncertain as well");
	if (known == KNOWN_FILTERS_NOT)
		return refuse(d, th, "a seccomp filter that the program has installed",
			      "only root of the machine may read it",
			      AS_ROOT ", or run the program without its own sandbox");
	for (size_t i = 0; known == KNOWN_FILTERS_JOB && i < ARRAY_SIZE(calls); i++)
		if (!job_filter_allows(d, calls[i]))
			return refuse(d, th, "the seccomp filter of the container",
				      "it forbids what a checkpoint asks of its processes",
				      AS_ROOT);
	return 0;
}

int filters_check(struct dump_state *d, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < d->n_tasks && r == 0; i++)
		for (size_t k = 0; k < d->tasks[i].n_threads && r == 0; k++)
			r = check_thread(d, &d->tasks[i].threads[k], err);
	return r;
}

int filters_check_program(struct dump_state *d, const struct dumped_thread *th)
{
	if (known_filters_of(&d->c, th->facts.pid, th->facts.tid) != KNOWN_FILTERS_JOB ||
	    can_suspend(th))
		return 0;
	for (size_t i = 0; i < th->visit.n; i++)
		if (th->visit.v[i].op == STEP_CALL && !job_filter_allows(d, th->visit.v[i].nr))
			return refuse(d, th, "the seccomp filter of the container",
				      "it forbids what a checkpoint asks of its processes",
				      AS_ROOT);
	return 0;
}
