/* SPDX-License-Identifier: Apache-2.0 */
/* dump.c - see dump.h: the order in which a container is written down. */
#include "checkpoint/dump/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/dump/dump_state.h"

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Who forks whom at restore: it must be possible, and it decides which memory is compared with which. */
static int plan_tree(struct dump_state *d, struct error *err)
{
	const struct task_record **v = arena_alloc(d->c.arena, d->n_tasks * sizeof(*v));
	struct error why = ERROR_INIT;
	for (size_t i = 0; i < d->n_tasks; i++)
		v[i] = &d->tasks[i].record;
	int r = tree_plan(v, d->n_tasks, d->c.arena, &d->tree, &why);
	if (r == -ENOTSUP)
		return collect_refuse(&d->c, 0, why.object, why.why, why.hint);
	if (r < 0 && err)
		*err = why;
	return r;
}

/* Forkers before those they fork: a child's pages are compared with its origin's. */
static int collect_spaces(struct dump_state *d, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < d->tree.n && r == 0; i++) {
		const struct birth *b = d->tree.v[i];
		const struct birth *origin = birth_origin(b);
		if (!b->task || b->zombie)
			continue;
		struct dumped_task *t = tasks_find(d, b->pid);
		struct memory_source src = {
			.pid = t->pid,
			.mm = t->record.mm,
			.parent_mm = origin ? origin->task->mm : 0,
			.tracee = t->threads[0].tracee,
			.skip_base = t->visit_base,
			.skip_size = t->visit_base ? t->visit_map.size : 0,
			.brk = t->brk,
		};
		r = memory_collect(d->memory, &d->c, &src, err);
		if (r < 0)
			error_object(err, "pid %d (%s)", t->record.pid, t->record.comm);
	}
	return r;
}

/* Content of files without a name, of shared memory: pages of their own. */
static int collect_files(struct dump_state *d, struct error *err)
{
	int r = d->c.w ? image_pages_begin(d->c.w, err) : 0;
	if (r == 0)
		r = files_collect(d, err);
	if (r == 0)
		memory_check_stand_ins(d->memory, &d->c);
	return r == 0 && d->c.w ? image_pages_end(d->c.w, err) : r;
}

static int tell_stopped(struct dump_state *d, struct error *err)
{
	return d->req->stopped && d->c.w ? d->req->stopped(d->req->arg, d->c.w, err) : 0;
}

static int finish_image(struct dump_state *d, struct error *err)
{
	const struct dump_request *q = d->req;
	bool wanted = q->last && d->c.w && !q->leave_running && !d->c.n_refusals;
	return wanted ? q->last(q->arg, err) : 0;
}

static int put_tasks(struct dump_state *d, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < d->n_tasks && r == 0; i++)
		r = collect_put(&d->c, "task", (uint64_t)d->tasks[i].record.pid, task_record_fields,
				&d->tasks[i].record, err);
	return r;
}

static const struct {
	const char *what;
	int (*run)(struct dump_state *d, struct error *err);
} steps[] = {
	{ "cannot read the tasks", tasks_read },
	{ "cannot look at the tasks", checks_tasks },
	{ "cannot plan the process tree", plan_tree },
	{ "cannot look at the seccomp filters", filters_check },
	{ "cannot ask the tasks", visit_all },
	{ "cannot read the tables of descriptors", files_tables },
	{ "cannot read what the tasks hold", tasks_collect },
	{ "cannot read the memory", collect_spaces },
	{ "cannot read the open files", collect_files },
	{ "cannot write the tasks", put_tasks },
	{ "cannot finish the checkpoint", tell_stopped },
	{ "cannot take what only the end of the container sets free", files_drain },
	{ "cannot write the image", finish_image },
};

static int refused(const struct collect *c, struct error *err)
{
	const struct refusal *r = &c->refusals[0];
	error_set(err, ENOTSUP, "%s", r->why);
	if (r->vpid)
		error_object(err, "pid %d (%s): %s", (int)r->vpid, r->comm, r->object);
	else
		error_object(err, "%s", r->object);
	if (c->n_refusals > 1)
		error_hint(err, "%s%sthere are %zu more: see `contexe probe --checkpoint`",
			   r->remedy, r->remedy[0] ? "; " : "", c->n_refusals - 1);
	else if (r->remedy[0])
		error_hint(err, "%s", r->remedy);
	return -ENOTSUP;
}

static void fill_result(const struct dump_state *d, struct dump_result *ret)
{
	ret->refusals = d->c.refusals;
	ret->n_refusals = d->c.n_refusals;
	ret->n_tasks = (uint32_t)d->n_tasks;
	for (size_t i = 0; i < d->n_tasks; i++)
		ret->n_threads += (uint32_t)d->tasks[i].n_threads;
	for (size_t i = 0; objects_at(d->c.objects, OBJECT_FILE, i); i++)
		ret->n_files++;
}

int dump(const struct dump_request *req, struct image_writer *w, struct arena *arena,
	 struct dump_result *ret, struct error *err)
{
	struct dump_state d = {
		.req = req,
		.c = {
			.w = req->dry_run ? NULL : w,
			.arena = arena,
			.init = req->init,
			.proc = FD_NONE,
			.upper = req->upper,
			.externals = req->externals,
			.n_externals = req->n_externals,
			.tcp = req->tcp,
			.leave_running = req->leave_running,
			.filter = req->filter,
		},
	};
	*ret = (struct dump_result){ 0 };
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return error_sys(err, errno, "cannot open /proc");
	uint64_t start = now_ns();
	int r = tracees_stop(req->lister, req->lister_arg, req->timeout_ms, &d.tracees, err);
	if (r < 0)
		return r;
	d.c.proc = proc;
	d.c.tracees = &d.tracees;
	d.c.objects = objects_new();
	d.memory = memory_dump_new();
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0 && !d.unaskable; i++) {
		r = steps[i].run(&d, err);
		if (r < 0)
			error_what(err, "%s", steps[i].what);
	}
	visit_done(&d);
	if (r == 0 && d.c.n_refusals)
		r = refused(&d.c, err);
	if (r < 0)
		files_undrain(&d);
	fill_result(&d, ret);
	if (r < 0 || req->leave_running || req->dry_run)
		tracees_done(&d.tracees);
	else
		ret->tracees = d.tracees;
	ret->frozen_ns = now_ns() - start;
	memory_dump_free(d.memory);
	objects_free(d.c.objects);
	return r;
}
