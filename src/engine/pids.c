/* SPDX-License-Identifier: Apache-2.0 */
/* pids.c - processes in both views, and the question of mission's table: `ps` and `pid`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "engine/container.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "proc/pidspace.h"

struct table {
	struct pidspace_container *v;
	size_t n;
	char **names;
};

static int add_container(void *arg, struct container *c)
{
	struct table *t = arg;
	if (!pidref_is_set(&c->init))
		return 0;
	t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
	t->names = xrealloc(t->names, (t->n + 1) * sizeof(*t->names));
	t->names[t->n] = xstrdup(c->name);
	t->v[t->n] = (struct pidspace_container){
		.number = c->number,
		.name = t->names[t->n],
		.pidns = proc_ns_inode(c->init.pid, "pid"),
		/* who wrote the name of the container to the control file is its pseudo init */
		.supervisor = c->state.led ? c->job.pid : c->supervisor.pid,
		.init = c->init.pid,
	};
	if (t->v[t->n].pidns)
		t->n++;
	else
		free(t->names[t->n]);
	return 0;
}

static void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->names[i]);
	free(t->names);
	free(t->v);
}

static int snapshot(struct contexe *cx, struct table *t, struct pidspaces **ret, struct error *err)
{
	int r = container_each(cx->root, add_container, t);
	if (r < 0)
		return error_sys(err, -r, "cannot read the list of containers");
	return pidspaces_read(t->v, t->n, ret, err);
}

static void fill(const struct pidspaces *s, const struct proc_process *p,
		 struct contexe_process *out)
{
	char name[PIDNAME_SIZE];
	int level = p->n_levels > 0 ? p->n_levels - 1 : 0;
	struct buf cmdline = BUF_INIT;
	*out = (struct contexe_process){
		.vpid = p->nspid[level],
		.pid = p->pid,
		.ppid = p->ppid,
		.pgrp = p->pgrp,
		.sid = p->sid,
		.vpgrp = p->nspgid[level],
		.vsid = p->nssid[level],
		.uid = p->uid,
		.state = p->state,
		.tty = p->tty,
		.start = p->start,
		.cpu_ticks = p->utime + p->stime,
		.rss = p->rss,
		.threads = p->threads,
		.depth = (unsigned)level,
	};
	(void)snprintf(out->comm, sizeof(out->comm), "%s", p->comm);
	pidspaces_name(s, p, name);
	name[strcspn(name, "|")] = '\0';
	(void)snprintf(out->pidspace, sizeof(out->pidspace), "%.23s", name + 1);
	const struct proc_process *parent = pidspaces_process(s, p->ppid);
	if (parent && parent->n_levels > level && parent->pidns == p->pidns)
		out->vppid = parent->nspid[level];
	proc_cmdline(p->pid, &cmdline);
	out->cmdline = buf_take(&cmdline);
}

int contexe_processes(struct contexe *cx, const char *ref, struct contexe_process **ret,
		      size_t *ret_n, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	struct pidspaces *s CLEANUP_PIDSPACES = NULL;
	struct table t = { 0 };
	bool all = !ref || str_eq(ref, "0");
	int wanted = -1;

	if (!all) {
		int r = container_open(cx->root, ref, &c, err);
		if (r == 0)
			r = lifecycle_check(c->now, EVENT_STATS, c->name, err);
		if (r < 0)
			return r;
	}
	int r = snapshot(cx, &t, &s, err);
	if (r < 0) {
		table_done(&t);
		return r;
	}
	for (size_t i = 0; !all && i < t.n; i++)
		if (t.v[i].number == c->number)
			wanted = pidspaces_space_of_container(s, i);
	struct proc_process *processes = NULL;
	size_t n = 0, kept = 0;
	r = proc_read_all(&processes, &n);
	struct contexe_process *out = xcalloc(n + 1, sizeof(*out));
	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct proc_process *p = pidspaces_process(s, processes[i].pid);
		if (!p || (!all && (wanted < 0 ||
				    !pidspaces_contains(s, wanted, pidspaces_space_of(s, p)))))
			continue;
		fill(s, p, &out[kept++]);
	}
	free(processes);
	table_done(&t);
	*ret = out;
	*ret_n = kept;
	return 0;
}

void contexe_processes_free(struct contexe_process *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(p[i].cmdline);
	free(p);
}

/* A container's name or number stands for its pid 1, anything else is a pid or an internal name. */
static int resolve(struct contexe *cx, const struct pidspaces *s, const char *text, pid_t *ret,
		   struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	bool digits = text[strspn(text, "0123456789")] == '\0';
	if (!digits && !strchr(text, '|') && container_open(cx->root, text, &c, NULL) == 0) {
		int r = lifecycle_check(c->now, EVENT_STATS, c->name, err);
		if (r < 0)
			return r;
		*ret = c->init.pid;
		return 0;
	}
	int r = pidspaces_resolve(s, text, ret, err);
	if (r < 0 && digits && container_open(cx->root, text, &c, NULL) == 0)
		error_hint(err, "digits are a pid; the container of that number is 'cont_%s'",
			   text);
	return r < 0 ? error_object(err, "%s", text) : 0;
}

int contexe_pid_translate(struct contexe *cx, const char *process, const char *context,
			  enum contexe_pid_kind kind, struct contexe_pid_answer *ret,
			  struct contexe_error *public_err)
{
	static const enum pid_kind kinds[] = {
		[CONTEXE_PID] = PID_KIND_PID,
		[CONTEXE_TGID] = PID_KIND_TGID,
		[CONTEXE_PGRP] = PID_KIND_PGRP,
		[CONTEXE_SID] = PID_KIND_SID,
	};
	struct error *err = api_error(public_err);
	struct pidspaces *s CLEANUP_PIDSPACES = NULL;
	struct table t = { 0 };
	struct pid_question q = { .kind = kinds[kind] };
	struct pid_answer a;
	int r = snapshot(cx, &t, &s, err);
	if (r == 0)
		r = resolve(cx, s, process, &q.process, err);
	if (r == 0 && context && strcmp(context, "0") != 0)
		r = resolve(cx, s, context, &q.context.process, err);
	if (r == 0)
		r = pid_translate(s, &q, &a, err);
	table_done(&t);
	if (r < 0)
		return error_what(err, "cannot tell the pid");
	*ret = (struct contexe_pid_answer){
		.visible = a.visible,
		.crosses = a.crosses,
		.vpid = a.visible ? a.vpid : -1,
		.pid = a.kernel_pid,
	};
	(void)snprintf(ret->name, sizeof(ret->name), "%.39s", a.name);
	return 0;
}
