/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish.c - the last steps, which only a tracer can take. Every thread waits in its program; it is seized, its
 * registers are set, and in each process one munmap(2) takes the arena away: no thread executes there again, since all
 * registers lead home by then. Then all are let go.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/restore/restore_state.h"
#include "proc/process.h"

#define STOP_LOOKS   200
#define STOP_LOOK_US 500

static int set_thread(struct restored_thread *th, struct error *err)
{
	return tracee_set(&th->tracee, (const struct user_regs_struct *)th->record.regs.data,
			  th->record.xstate.data, th->record.xstate.size, th->record.mask, err);
}

static int unmap_arena(const struct restore *r, struct restored_task *t, struct error *err)
{
	const uint64_t args[6] = { r->am.base, r->am.size };
	int64_t got = tracee_call(&t->threads[0].tracee, SYS_munmap, args, err);
	return got < 0 ? error_sys(err, (int)-got, "cannot take the restore's memory away") : 0;
}

static int each_thread(struct restore *r, int (*act)(struct restored_thread *th, struct error *err),
		       struct error *err)
{
	for (size_t i = 0; i < r->n_tasks; i++)
		for (size_t k = 0; k < r->tasks[i].n_threads; k++) {
			int e = act(&r->tasks[i].threads[k], err);
			if (e < 0) {
				error_object(err, "pid %d (%s)", (int)r->tasks[i].threads[k].vtid,
					     r->tasks[i].record.comm);
				return e;
			}
		}
	return 0;
}

/* What needs the engine's own power, now that every program has ended. */
static int settle_kind(const struct restore *r, const struct restore_request *req,
		       const struct restored_task *t, const struct restored_thread *th,
		       const struct task_kind *kind, int proc, struct error *err)
{
	char type[80];
	bool process = kind->scope == SCOPE_PROCESS;
	uint64_t id = (uint64_t)(process ? t->record.pid : th->vtid);
	(void)snprintf(type, sizeof(type), "%s.%s", process ? "task" : "thread", kind->name);
	if (!image_has(r->img, type, id))
		return 0;
	void *record = arena_alloc(r->arena, kind->size);
	const struct settle s = {
		.pid = t->host,
		.tid = th->tracee.tid,
		.proc = proc,
		.own_init = req->own_init && t->record.pid == 1,
	};
	int e = image_get(r->img, type, id, kind->fields, r->arena, record, err);
	return e < 0 ? e : kind->settle(&s, record, err);
}

static int settle_all(const struct restore *r, const struct restore_request *req, struct error *err)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int e = 0;
	for (size_t k = 0; task_kinds[k]; k++)
		for (size_t i = 0; task_kinds[k]->settle && i < r->n_tasks; i++)
			for (size_t n = 0; n < r->tasks[i].n_threads && e == 0; n++)
				if (n == 0 || task_kinds[k]->scope == SCOPE_THREAD)
					e = settle_kind(r, req, &r->tasks[i],
							&r->tasks[i].threads[n], task_kinds[k],
							proc, err);
	return e;
}

static int let_task_go(struct restored_task *t, struct error *err)
{
	int e = 0;
	/* the leader first: the others join its stop */
	for (size_t k = 0; k < t->n_threads && e == 0; k++)
		if (t->threads[k].tracee.traced)
			e = tracee_detach(&t->threads[k].tracee, t->record.stop_signal, err);
	return e;
}

/*
 * wait(2) has told this stop before the dump: it is told once more, to a parent who cannot hear it. Best effort: at
 * worst the parent is told twice.
 */
static void tell_stop(const struct restore *r, const struct restored_task *t)
{
	struct restored_task *parent = restored_find(r, t->record.ppid);
	const struct birth *b = tree_find(&r->tree, t->record.pid);
	if (!parent || !parent->n_threads || !parent->threads[0].tracee.traced || !b)
		return;
	size_t level = parent->record.pids.n - 1;
	const uint64_t args[6] = { P_PID, b->pids.v[level], 0, WSTOPPED | WNOHANG | __WALL };
	int64_t got = 0;
	for (int i = 0; i < STOP_LOOKS && got == 0; i++) {
		struct proc_process p;
		got = proc_read(t->host, &p) == 0 && p.state != 'T' ? 0 : 1;
		if (got == 0)
			(void)usleep(STOP_LOOK_US);
	}
	IGNORE_RESULT(tracee_call(&parent->threads[0].tracee, SYS_waitid, args, NULL) < 0);
}

/* First those that stay stopped, while their parents stand still, then all others, children before parents. */
static int let_go(struct restore *r, struct error *err)
{
	int e = 0;
	for (size_t i = r->tree.n; i-- > 0 && e == 0;) {
		const struct birth *b = r->tree.v[i];
		struct restored_task *t =
			b->task && b->task->stop_signal ? restored_find(r, b->pid) : NULL;
		if (!t)
			continue;
		e = let_task_go(t, err);
		if (e == 0 && t->record.stop_told)
			tell_stop(r, t);
	}
	for (size_t i = r->n_tasks; i-- > 0 && e == 0;)
		e = let_task_go(&r->tasks[i], err);
	return e;
}

int finish_all(struct restore *r, const struct restore_request *req, struct error *err)
{
	int e = threads_stop(r, req, err);
	for (size_t i = 0; i < r->n_tasks && e == 0; i++)
		if (r->tasks[i].n_threads) {
			r->tasks[i].host = r->tasks[i].threads[0].tracee.tid;
			e = unmap_arena(r, &r->tasks[i], err);
		}
	if (e == 0)
		e = each_thread(r, set_thread, err);
	if (e == 0)
		e = settle_all(r, req, err);
	if (e == 0 && req->before_go)
		e = req->before_go(req->arg, err);
	if (e == 0)
		e = let_go(r, err);
	return e;
}
