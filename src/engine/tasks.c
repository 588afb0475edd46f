/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - see tasks.h. */
#include "engine/tasks.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proc/process.h"

static void add_pid(pid_t **pids, size_t *n, pid_t pid)
{
	*pids = xrealloc(*pids, (*n + 1) * sizeof(**pids));
	(*pids)[(*n)++] = pid;
}

/* Parents come before children in neither order of pids: until nothing is added any more. */
static int descendants(pid_t init, pid_t **pids, size_t *n)
{
	struct proc_process *all = NULL;
	size_t n_all = 0, from = *n;
	int r = proc_read_all(&all, &n_all);
	if (r < 0)
		return r;
	add_pid(pids, n, init);
	for (size_t at = from; at < *n; at++)
		for (size_t i = 0; i < n_all; i++)
			if (all[i].ppid == (*pids)[at] && all[i].pid != init)
				add_pid(pids, n, all[i].pid);
	free(all);
	return 0;
}

int container_pids(const struct container_tasks *t, pid_t **pids, size_t *n)
{
	int r = t->cg ? cgroup_pids(t->cg, pids, n) : -EOPNOTSUPP;
	return r == -EOPNOTSUPP ? descendants(t->init, pids, n) : r;
}
