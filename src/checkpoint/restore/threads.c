/* SPDX-License-Identifier: Apache-2.0 */
/* threads.c - the threads of the new container as the engine sees them: found by their numbers, watched, stopped, buried. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/file.h"
#include "checkpoint/restore/restore_state.h"
#include "proc/process.h"
#include "sys/pidfd.h"

/* A host number and the container's. */
struct number {
	pid_t vpid, host;
};

static int compare_numbers(const void *a, const void *b)
{
	const struct number *x = a, *y = b;
	return x->vpid < y->vpid ? -1 : x->vpid > y->vpid;
}

static int number_of_status(int dir, const char *path, int level, pid_t host, struct number *ret)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	struct proc_process p = { 0 };
	int r = file_read(dir, path, 64 << 10, &b);
	if (r == 0)
		r = proc_parse_status(buf_str(&b), &p);
	if (r < 0)
		return r;
	if (p.n_levels <= level)
		return -ESRCH;
	*ret = (struct number){ p.nspid[level], host };
	return 0;
}

/* All threads of the new container, by their numbers inside. */
static int list_threads(const struct restore_request *req, struct arena *arena, struct number **ret,
			size_t *ret_n, struct error *err)
{
	struct proc_process init;
	pid_t *pids = NULL;
	size_t n = 0;
	int r = proc_read(req->seed, &init);
	if (r == 0)
		r = req->lister(req->lister_arg, &pids, &n);
	for (size_t i = 0; i < n && r == 0; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pids[i]);
		DIR *dir = opendir(path);
		for (const struct dirent *e; dir && (e = readdir(dir));) {
			struct number found;
			if (e->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%.20s/status", e->d_name);
			if (number_of_status(dirfd(dir), path, init.n_levels - 1,
					     (pid_t)atoi(e->d_name), &found) == 0)
				*arena_push(arena, *ret, *ret_n) = found;
		}
		if (dir)
			(void)closedir(dir);
	}
	free(pids);
	if (r < 0)
		return error_sys(err, -r, "cannot list the new container's tasks");
	qsort(*ret, *ret_n, sizeof(**ret), compare_numbers);
	return 0;
}

static int find_thread(struct restored_thread *th, const struct number *v, size_t n,
		       struct error *err)
{
	const struct number key = { .vpid = th->vtid };
	const struct number *found = bsearch(&key, v, n, sizeof(key), compare_numbers);
	if (!found) {
		error_set(err, ESRCH, "it is gone");
		return error_object(err, "pid %d", (int)th->vtid);
	}
	th->host = found->host;
	return 0;
}

int threads_find(struct restore *r, const struct restore_request *req, struct error *err)
{
	struct number *v = NULL;
	size_t n = 0;
	int e = list_threads(req, r->arena, &v, &n, err);
	for (size_t i = 0; i < r->n_tasks && e == 0; i++)
		for (size_t k = 0; k < r->tasks[i].n_threads && e == 0; k++)
			e = find_thread(&r->tasks[i].threads[k], v, n, err);
	return e;
}

int threads_watch(struct restore *r, const struct restore_request *req, struct error *err)
{
	int e = threads_find(r, req, err);
	for (size_t i = 0; i < r->n_tasks && e == 0; i++)
		for (size_t k = 0; k < r->tasks[i].n_threads && e == 0; k++) {
			struct restored_thread *th = &r->tasks[i].threads[k];
			if (th->guarded)
				e = tracee_watch(th->host, &th->tracee, err);
		}
	return e;
}

int threads_stop(struct restore *r, const struct restore_request *req, struct error *err)
{
	int e = r->n_guarded ? 0 : threads_find(r, req, err);
	for (size_t i = 0; i < r->n_tasks && e == 0; i++)
		for (size_t k = 0; k < r->tasks[i].n_threads && e == 0; k++) {
			struct restored_thread *th = &r->tasks[i].threads[k];
			e = th->tracee.traced ? tracee_halt(&th->tracee, err)
					      : tracee_seize(th->host, &th->tracee, err);
		}
	return e;
}

void threads_bury(struct restore *r, const struct restore_request *req)
{
	(void)sys_pidfd_send_signal(req->seed_pidfd, SIGKILL);
	for (size_t i = r->n_tasks; i-- > 0;)
		for (size_t k = r->tasks[i].n_threads; k-- > 0;) {
			struct tracee *t = &r->tasks[i].threads[k].tracee;
			int status;
			while (t->traced && t->tid != req->seed) {
				pid_t got = waitpid(t->tid, &status, __WALL);
				if ((got < 0 && errno != EINTR) ||
				    (got > 0 && (WIFEXITED(status) || WIFSIGNALED(status))))
					t->traced = false;
			}
		}
}
