/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - see tasks.h. */
#include "engine/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
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

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a < *(const pid_t *)b ? -1 : *(const pid_t *)a > *(const pid_t *)b;
}

static bool is_in(const pid_t *pids, size_t n, pid_t pid)
{
	return bsearch(&pid, pids, n, sizeof(pid), compare_pids) != NULL;
}

/* A v2 group does not list the dead: zombies are found by their parents. */
static int add_zombies(pid_t **pids, size_t *n)
{
	size_t living = *n;
	DIR *dir = opendir("/proc");
	if (!dir)
		return -errno;
	pid_t *sorted = xmalloc((living + 1) * sizeof(*sorted));
	memcpy(sorted, *pids, living * sizeof(*sorted));
	qsort(sorted, living, sizeof(*sorted), compare_pids);
	for (const struct dirent *e; (e = readdir(dir));) {
		struct proc_process p = { 0 };
		char path[40], text[1024];
		int64_t pid;
		if (parse_i64(e->d_name, 1, INT32_MAX, &pid) < 0 ||
		    is_in(sorted, living, (pid_t)pid))
			continue;
		(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
		if (file_read_line(dirfd(dir), path, text, sizeof(text)) > 0 &&
		    proc_parse_stat(text, &p) == 0 && p.state == 'Z' &&
		    is_in(sorted, living, p.ppid))
			add_pid(pids, n, (pid_t)pid);
	}
	free(sorted);
	(void)closedir(dir);
	return 0;
}

int container_pids(const struct container_tasks *t, pid_t **pids, size_t *n)
{
	int r = t->cg ? cgroup_pids(t->cg, pids, n) : -EOPNOTSUPP;
	if (r == -EOPNOTSUPP)
		return descendants(t->init, pids, n);
	return r < 0 ? r : add_zombies(pids, n);
}
