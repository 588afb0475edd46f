/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - the records of processes and threads, and of what their kinds hold. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/dump/dump_state.h"
#include "checkpoint/inject/interrupted.h"
#include "checkpoint/kind/task/rseq.h"
#include "proc/process.h"

#define PROC_TEXT_MAX (64u << 10)

static const char *proc_text(struct dump_state *d, pid_t pid, pid_t tid, const char *name,
			     struct error *err)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	char path[96];
	if (tid)
		(void)snprintf(path, sizeof(path), "%d/task/%d/%s", (int)pid, (int)tid, name);
	else
		(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	int r = file_read(d->c.proc, path, PROC_TEXT_MAX, &b);
	if (r < 0) {
		error_sys(err, -r, "cannot read /proc/%s", path);
		return NULL;
	}
	return arena_strdup(d->c.arena, buf_str(&b));
}

/* Field n (1 is the pid) of a stat line, from the third on. */
static int64_t stat_field(const char *stat, int n)
{
	const char *p = strrchr(stat, ')');
	for (int at = 2; p && at < n; at++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p ? strtoll(p, NULL, 10) : 0;
}

/* The numbers of "NSpid:" and the like from the container's level on. */
static struct u64s levels(struct dump_state *d, const pid_t *v, int n, int level)
{
	struct u64s out = { 0 };
	for (int i = level; i < n; i++)
		*arena_push(d->c.arena, out.v, out.n) = (uint64_t)v[i];
	return out;
}

static int read_thread(struct dump_state *d, struct dumped_task *t, struct tracee *tracee,
		       int level, struct error *err)
{
	struct proc_process p = { 0 };
	struct dumped_thread *th = &t->threads[t->n_threads++];
	struct thread_ref *ref = (struct thread_ref *)t->record.threads.v + t->record.threads.n++;
	th->tracee = tracee;
	th->facts = (struct task_facts){
		.pid = tracee->tgid,
		.tid = tracee->tid,
		.vpid = t->record.pid,
		.comm = tracee->comm,
		.leader = tracee->tid == tracee->tgid,
		.tracee = tracee,
	};
	th->facts.status = proc_text(d, tracee->tgid, tracee->tid, "status", err);
	if (!th->facts.status)
		return -ESRCH;
	th->facts.stat = proc_text(d, tracee->tgid, tracee->tid, "stat", err);
	if (!th->facts.stat)
		return -ESRCH;
	int r = proc_parse_status(th->facts.status, &p);
	if (r < 0)
		return error_set(err, -r, "cannot read the status of thread %d", (int)tracee->tid);
	ref->tids = levels(d, p.nspid, p.n_levels, level);
	ref->tid = ref->tids.n ? (int32_t)ref->tids.v[0] : 0;
	th->facts.vtid = ref->tid;
	return 0;
}

static bool in_container(const struct proc_process *p, int level)
{
	return p->n_levels > level && p->nspid[level] > 0;
}

static int read_task(struct dump_state *d, struct dumped_task *t, const struct tracee *leader,
		     int level, struct error *err)
{
	struct proc_process p;
	int r = proc_read(leader->tgid, &p);
	if (r < 0)
		return error_sys(err, -r, "cannot read process %d", (int)leader->tgid);
	struct task_record *rec = &t->record;
	t->pid = rec->host = leader->tgid;
	t->host_ppid = p.ppid;
	if (!in_container(&p, level)) {
		rec->comm = arena_strdup(d->c.arena, p.comm);
		rec->state = arena_strdup(d->c.arena, "running");
		return collect_refuse(
			&d->c, t->pid, "pid namespace",
			"it is in the container's control group, but not in its pid namespace",
			"move it out of the container's control group");
	}
	rec->pids = levels(d, p.nspid, p.n_levels, level);
	rec->pid = (int32_t)rec->pids.v[0];
	rec->pgrp = p.nspgid[level];
	rec->sid = p.nssid[level];
	rec->comm = arena_strdup(d->c.arena, p.comm);
	if (p.n_levels - 1 > level) {
		rec->pidns = p.pidns;
		rec->pgrps = levels(d, p.nspgid, p.n_levels, level);
		rec->sids = levels(d, p.nssid, p.n_levels, level);
	}
	const char *stat = proc_text(d, t->pid, 0, "stat", err);
	if (!stat)
		return -ESRCH;
	rec->exit_signal = (int32_t)stat_field(stat, 38);
	if (leader->state == 'Z')
		rec->exit_status = (int32_t)stat_field(stat, 52);
	rec->stop_signal = leader->state == 'T' ? leader->stop_signal : 0;
	/* the code of a stop stays there until wait(2) has told it */
	rec->stop_told = rec->stop_signal && stat_field(stat, 52) == 0;
	rec->state = arena_strdup(d->c.arena, leader->state == 'Z'   ? "zombie"
					      : leader->state == 'T' ? "stopped"
								     : "running");
	return 0;
}

static size_t count_threads(const struct tracees *all, pid_t tgid)
{
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++)
		n += all->v[i].tgid == tgid && all->v[i].traced;
	return n;
}

static pid_t vpid_of(const struct dump_state *d, pid_t host)
{
	for (size_t i = 0; i < d->n_tasks; i++)
		if (d->tasks[i].pid == host)
			return d->tasks[i].record.pid;
	return 0;
}

int tasks_read(struct dump_state *d, struct error *err)
{
	struct tracees *all = &d->tracees;
	struct proc_process init;
	int r = proc_read(d->req->init, &init);
	if (r < 0)
		return error_sys(err, -r, "cannot read the container's process 1");
	int level = init.n_levels - 1;
	d->tasks = arena_alloc(d->c.arena, (all->n + 1) * sizeof(*d->tasks));
	for (size_t i = 0; i < all->n && r >= 0; i++)
		if (all->v[i].tid == all->v[i].tgid)
			r = read_task(d, &d->tasks[d->n_tasks++], &all->v[i], level, err);
	for (size_t i = 0; i < d->n_tasks && r >= 0; i++) {
		struct dumped_task *t = &d->tasks[i];
		size_t n = count_threads(all, t->pid);
		t->record.ppid = vpid_of(d, t->host_ppid);
		t->threads = arena_alloc(d->c.arena, (n + 1) * sizeof(*t->threads));
		t->record.threads.v = arena_alloc(d->c.arena, (n + 1) * sizeof(struct thread_ref));
		/* the leader first, then in the order of finding */
		for (int leader = 1; leader >= 0; leader--)
			for (size_t k = 0; k < all->n && r >= 0; k++)
				if (all->v[k].tgid == t->pid && all->v[k].traced &&
				    (all->v[k].tid == t->pid) == leader)
					r = read_thread(d, t, &all->v[k], level, err);
	}
	return r < 0 ? r : 0;
}

struct dumped_task *tasks_find(struct dump_state *d, pid_t vpid)
{
	for (size_t i = 0; i < d->n_tasks; i++)
		if (d->tasks[i].record.pid == vpid)
			return &d->tasks[i];
	return NULL;
}

/* ---- kinds ---- */

static int collect_kind(struct dump_state *d, struct dumped_thread *th, size_t k, struct error *err)
{
	const struct task_kind *kind = task_kinds[k];
	void *record = arena_alloc(d->c.arena, kind->size);
	bool none = false;
	char type[80];
	int r = kind->collect(&d->c, &th->facts, &th->visit, th->cookies[k], record, &none, err);
	if (r < 0)
		return error_what(err, "cannot read %s", kind->name);
	if (none)
		return 0;
	bool process = kind->scope == SCOPE_PROCESS;
	(void)snprintf(type, sizeof(type), "%s.%s", process ? "task" : "thread", kind->name);
	return collect_put(&d->c, type, (uint64_t)(process ? th->facts.vpid : th->facts.vtid),
			   kind->fields, record, err);
}

static bool signal_pending(const struct dumped_thread *th)
{
	uint64_t pending = 0, blocked = 0;
	static const char *const names[] = { "\nSigPnd:", "\nShdPnd:" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *p = strstr(th->facts.status, names[i]);
		if (p)
			pending |= strtoull(p + 8, NULL, 16);
	}
	memcpy(&blocked, &th->tracee->mask, sizeof(blocked));
	return pending & ~blocked;
}

static int put_thread(struct dump_state *d, const struct dumped_thread *th, struct error *err)
{
	struct user_regs_struct regs = th->tracee->regs;
	struct thread_record rec = {
		.regs = { &regs, sizeof(regs) },
		.xstate = { th->tracee->xstate.data, th->tracee->xstate.size },
	};
	memcpy(&rec.mask, &th->tracee->mask, sizeof(rec.mask));
	int r = rseq_fix(th->tracee, &regs);
	if (r < 0)
		return error_sys(err, -r, "cannot read the restartable sequence of a thread");
	(void)interrupted_fix_restored(&regs, signal_pending(th));
	return collect_put(&d->c, "thread", (uint64_t)th->facts.vtid, thread_record_fields, &rec,
			   err);
}

int tasks_collect(struct dump_state *d, struct error *err)
{
	for (size_t i = 0; i < d->n_tasks; i++)
		for (size_t n = 0; n < d->tasks[i].n_threads; n++) {
			struct dumped_thread *th = &d->tasks[i].threads[n];
			int r = put_thread(d, th, err);
			for (size_t k = 0; task_kinds[k] && r == 0; k++)
				if (task_kinds[k]->scope == SCOPE_THREAD || th->facts.leader)
					r = collect_kind(d, th, k, err);
			if (r < 0) {
				error_object(err, "pid %d, thread %d (%s)", (int)th->facts.vpid,
					     (int)th->facts.vtid, th->facts.comm);
				return r;
			}
		}
	return 0;
}
