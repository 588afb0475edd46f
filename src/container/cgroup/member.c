/* SPDX-License-Identifier: Apache-2.0 */
/* member.c - who is in a container's groups, and how one gets in. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup/group.h"
#include "container/cgroup/member.h"
#include "container/cgroup/walk.h"
#include "container/cgroup/watch.h"

/* ---- getting in ---- */

/* file_write() without the help of anything that could allocate: for the child after clone3. */
static int write_at(int dirfd, const char *file, const char *text, size_t n)
{
	int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = write(fd, text, n) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int cgroup_enter(const struct cgroup *cg, bool into_v2)
{
	for (size_t i = 0; i < cg->n; i++) {
		const struct group *g = &cg->groups[i];
		if (g->h->v2 && !into_v2)
			continue;
		int r = write_at(g->fd, g->h->v2 ? "cgroup.procs" : "tasks", "0", 1);
		if (r < 0)
			return r;
	}
	return 0;
}

int group_attach(const struct group *g, pid_t pid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);
	return write_at(g->fd, "cgroup.procs", text, (size_t)n);
}

/* The v2 group that a process is in, if it is the container's or below it. Descriptor or -errno. */
static int open_group_of(const struct group *g, pid_t pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, path, 1 << 20, &text);
	if (r < 0)
		return r;
	const char *line = strstr(buf_str(&text), "\n0::");
	line = !strncmp(buf_str(&text), "0::", 3) ? buf_str(&text) + 3 : line ? line + 4 : NULL;
	const char *mounted = hierarchy_root(g->h);
	size_t root = strcmp(mounted, "/") ? strlen(mounted) : 0;
	if (!line || strncmp(line, mounted, root))
		return -ENOENT;
	CLEANUP_STR char *dir =
		xasprintf("%s%.*s", g->h->mount, (int)strcspn(line + root, "\n"), line + root);
	size_t n = strlen(g->dir);
	if (strncmp(dir, g->dir, n) || (dir[n] && dir[n] != '/'))
		return -ENOENT;
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_fd_beside(const struct cgroup *cg, pid_t pid)
{
	const struct group *g = cgroup_group_v2(cg);
	return g ? open_group_of(g, pid) : FD_NONE;
}

/* The container divided its group, which may have no processes itself then: beside its first one. */
static int attach_beside(const struct cgroup *cg, pid_t pid)
{
	pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_pids(cg, &pids, &n);
	int first = r == 0 && n > 0 ? pids[0] : 0;
	free(pids);
	if (first <= 0)
		return r < 0 ? r : -EBUSY;
	struct group beside = { .fd = cgroup_fd_beside(cg, first) };
	if (beside.fd < 0)
		return beside.fd;
	r = group_attach(&beside, pid);
	fd_close(beside.fd);
	return r;
}

int cgroup_attach(const struct cgroup *cg, pid_t pid, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	for (size_t i = 0; i < cg->n; i++) {
		const struct group *g = &cg->groups[i];
		int r = group_attach(g, pid);
		if (g->h->v2 && (r == -EBUSY || r == -EOPNOTSUPP))
			r = attach_beside(cg, pid);
		if (r == 0)
			continue;
		error_sys(err, -r, "cannot move process %d into the control group", (int)pid);
		error_object(err, "%s", g->dir);
		if (r == -EACCES || r == -EPERM)
			error_hint(err,
				   "the group that it comes from must be delegated to you too");
		else if (r == -EOPNOTSUPP)
			error_hint(err, "a group above it is threaded (see its cgroup.type)");
		return r;
	}
	return 0;
}

/* ---- who is in ---- */

struct pid_list {
	pid_t *v;
	size_t n, cap;
};

static int add_pids(void *arg, int parent, const char *name)
{
	struct pid_list *list = arg;
	char file[NAME_MAX + sizeof("/cgroup.procs")];
	(void)snprintf(file, sizeof(file), "%s/cgroup.procs", name);
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(parent, file, 64 << 20, &text);
	if (r == -ENOENT || r == -ENODEV ||
	    r == -EOPNOTSUPP) /* gone; threaded: its domain has them */
		return 0;
	if (r < 0)
		return r;
	for (const char *p = buf_str(&text); *p;) {
		char *end;
		long pid = strtol(p, &end, 10);
		if (end == p)
			return -EINVAL;
		if (list->n == list->cap) {
			list->cap = list->cap ? list->cap * 2 : 64;
			list->v = xrealloc(list->v, list->cap * sizeof(*list->v));
		}
		list->v[list->n++] = (pid_t)pid;
		p = end + (*end == '\n');
	}
	return 0;
}

int group_pids(const struct group *g, pid_t **pids, size_t *n)
{
	struct pid_list list = { .v = *pids, .n = *n, .cap = *n };
	int r = walk_groups(g->fd, false, add_pids, &list);
	*pids = list.v;
	*n = list.n;
	return r;
}

int cgroup_pids(const struct cgroup *cg, pid_t **ret_pids, size_t *ret_n)
{
	const struct group *g = cgroup_group_main(cg);
	return g ? group_pids(g, ret_pids, ret_n) : -EOPNOTSUPP;
}

bool cgroup_populated(const struct cgroup *cg)
{
	const struct group *g = cgroup_group_v2(cg);
	uint64_t populated = 0;
	if (g)
		return watch_read_key(g->fd, "cgroup.events", "populated", &populated) == 0 &&
		       populated;
	pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_pids(cg, &pids, &n);
	free(pids);
	return r == 0 && n > 0;
}
