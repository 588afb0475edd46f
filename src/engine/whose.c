/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whose.c - which container a process is of, and which containers it may know of: its own and what is below. Told by pid
 * namespaces, from the process' own up to ours (NS_GET_PARENT, ioctl_ns(2)); a leader is of the container that it leads.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"
#include "engine/container.h"
#include "engine/handle.h"
#include "proc/process.h"

#define MAX_DEPTH 33 /* pid namespaces in one another: the kernel's own bound */

/* The pid namespaces that a process is in, its own first. */
struct chain {
	uint64_t v[MAX_DEPTH];
	size_t n;
};

static int read_chain(pid_t pid, struct chain *ret)
{
	char path[48];
	struct stat st;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret->n = 0;
	while (fd >= 0 && ret->n < MAX_DEPTH && fstat(fd, &st) == 0) {
		ret->v[ret->n++] = st.st_ino;
		int parent = ioctl(fd, NS_GET_PARENT);
		fd_close(fd);
		fd = parent;
	}
	if (fd >= 0)
		fd_close(fd);
	return 0;
}

static size_t depth_of(const struct chain *chain, uint64_t pidns)
{
	for (size_t i = 0; pidns && i < chain->n; i++)
		if (chain->v[i] == pidns)
			return i;
	return SIZE_MAX;
}

struct search {
	pid_t pid;
	struct chain chain;
	size_t best; /* how far up the one found is */
	char *name;
	unsigned number;
	uint64_t pidns; /* of the one found */
};

static int consider(void *arg, struct container *c)
{
	struct search *s = arg;
	if (!pidref_is_set(&c->init))
		return 0;
	uint64_t pidns = proc_ns_inode(c->init.pid, "pid");
	bool leads = c->state.led && c->job.pid == s->pid;
	size_t depth = leads ? 0 : depth_of(&s->chain, pidns);
	/* one that shares our own pid namespace has no processes that could be told from others */
	if (depth >= s->best || (!leads && pidns == proc_ns_inode(0, "pid")))
		return 0;
	s->best = depth;
	free(s->name);
	s->name = xstrdup(c->name);
	s->number = c->number;
	s->pidns = pidns;
	return 0;
}

static int search(struct contexe *cx, pid_t pid, struct search *ret, struct error *err)
{
	*ret = (struct search){ .pid = pid, .best = SIZE_MAX };
	int r = read_chain(pid, &ret->chain);
	if (r == -ENOENT)
		r = -ESRCH;
	if (r == 0)
		r = container_each(cx->root, consider, ret);
	if (r < 0) {
		error_sys(err, -r, "cannot tell of which container it is");
		return error_object(err, "process %d", (int)pid);
	}
	return 0;
}

int contexe_whose(struct contexe *cx, pid_t pid, char **ret_name, unsigned *ret_number,
		  struct contexe_error *err)
{
	struct search s;
	int r = search(cx, pid, &s, api_error(err));
	if (r < 0)
		return r;
	*ret_number = s.number;
	if (ret_name)
		*ret_name = s.name;
	else
		free(s.name);
	return 0;
}

int contexe_serve_control(struct contexe *cx, const char *path, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	int fd = root_serve_control(cx->root, path);
	if (fd < 0) {
		error_sys(err, -fd, "cannot offer the control file to containers");
		return error_object(err, "%s", path);
	}
	if (cx->control > 0)
		fd_close(cx->control);
	cx->control = fd;
	return 0;
}

bool contexe_sees(struct contexe *cx, pid_t pid, const char *ref)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	struct search s;
	struct chain theirs;
	if (search(cx, pid, &s, NULL) < 0)
		return false;
	free(s.name);
	if (!s.number)
		return true;
	if (container_open(cx->root, ref, &c, NULL) < 0)
		return false;
	return c->number == s.number ||
	       (pidref_is_set(&c->init) && read_chain(c->init.pid, &theirs) == 0 &&
		depth_of(&theirs, s.pidns) != SIZE_MAX);
}
