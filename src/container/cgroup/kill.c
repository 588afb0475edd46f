/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill.c - the end of all processes in a container: cgroup.kill where the kernel has it (v2, 5.14), which
 * catches forks in flight; else frozen first, so that nobody can fork, signalled, thawed.
 *
 * Where the freezer fails too, the list is read and signalled until no new process turns up.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup/freeze.h"
#include "container/cgroup/watch.h"

#define FREEZE_MS  500
#define MAX_ROUNDS 1000

/* Signals all that are listed now. How many there were, or -errno. */
static ssize_t kill_listed(const struct cgroup *cg)
{
	pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_pids(cg, &pids, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (pids[i] > 0 && kill(pids[i], SIGKILL) < 0 && errno != ESRCH)
			r = -errno;
	free(pids);
	return r < 0 ? r : (ssize_t)n;
}

static int kill_by_list(const struct cgroup *cg)
{
	if (freeze_set(cg, true, watch_deadline(FREEZE_MS)) == 0) {
		ssize_t n = kill_listed(cg);
		int r = freeze_set(cg, false, 0);
		return n < 0 ? (int)n : r == -ETIMEDOUT ? 0 : r;
	}
	(void)freeze_set(cg, false, 0);
	uint64_t sleep = 0, deadline = watch_deadline(FREEZE_MS);
	for (unsigned i = 0; i < MAX_ROUNDS; i++) {
		ssize_t n = kill_listed(cg);
		if (n <= 0)
			return (int)n;
		if (!watch_backoff(&sleep, deadline))
			return 0; /* the signals are sent; they may take their time to die */
	}
	return 0;
}

int cgroup_kill(const struct cgroup *cg, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	const struct group *g = cgroup_group_main(cg);
	if (!g) {
		error_set(err, EOPNOTSUPP, "the container has no control group to kill by");
		return error_hint(err, "kill its first process instead");
	}
	int r = g->h->v2 ? file_write(g->fd, "cgroup.kill", "1") : -ENOENT;
	if (r == -ENOENT || r == -EOPNOTSUPP) /* before 5.14; a threaded group */
		r = kill_by_list(cg);
	if (r == 0 || r == -ENODEV) /* the group is gone, and so is all in it */
		return 0;
	error_sys(err, -r, "cannot kill the processes of the control group");
	return error_object(err, "%s", g->dir);
}
