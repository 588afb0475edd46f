/* SPDX-License-Identifier: Apache-2.0 */
/* next_ids.c - see next_ids.h. A child looks, since /proc/sys shows the namespace of who reads. */
#include "engine/next_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "container/ns/ns.h"
#include "sys/clone3.h"

static const char *const keys[] = { "kernel.shm_next_id", "kernel.sem_next_id",
				    "kernel.msg_next_id" };
static const char *const files[] = { "/proc/sys/kernel/shm_next_id", "/proc/sys/kernel/sem_next_id",
				     "/proc/sys/kernel/msg_next_id" };

/* A line for each, "-1" for none and for a kernel that does not have them (CONFIG_CHECKPOINT_RESTORE). */
static NORETURN void look(int ns, int out)
{
	CLEANUP_BUF struct buf all = BUF_INIT;
	if (setns(ns, CLONE_NEWIPC) < 0)
		_exit(errno);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP_BUF struct buf one = BUF_INIT;
		if (file_read(AT_FDCWD, files[i], 64, &one) < 0)
			buf_puts(&all, "-1\n");
		else
			buf_puts(&all, buf_str(&one));
	}
	_exit(fd_write_all(out, buf_str(&all), all.len) < 0 ? EIO : 0);
}

static void forget(struct spec_pairs *pairs, const char *key)
{
	size_t kept = 0;
	for (size_t i = 0; i < pairs->n; i++)
		if (!str_eq(pairs->v[i].key, key))
			pairs->v[kept++] = pairs->v[i];
	pairs->n = kept;
}

static void set(struct spec *s, const char *key, const char *value)
{
	if (value)
		pairs_set(&s->arena, &s->linux_.sysctl, key, value);
	else
		forget(&s->linux_.sysctl, key);
}

static bool has_own_ipc(const struct spec *s)
{
	const struct spec_namespace *ns = spec_namespace_find(s, "ipc");
	return ns && !ns->path;
}

int next_ids_read(pid_t pid, struct spec *spec, struct error *err)
{
	int ends[2], status = 0;
	char text[128];
	if (!has_own_ipc(spec))
		return 0;
	CLEANUP_FD int ns = ns_open(pid, ns_find("ipc"));
	if (ns < 0)
		return error_sys(err, -ns, "cannot open the container's IPC namespace");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int ours = ends[0];
	pid_t child = sys_fork(0, FD_NONE, NULL);
	if (child == 0)
		look(ns, ends[1]);
	fd_close(ends[1]);
	if (child < 0)
		return error_sys(err, -child, "cannot fork");
	ssize_t n = fd_read_all(ours, text, sizeof(text) - 1);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	/* without root of the machine we may not enter alone: what was asked for stays */
	if (WIFEXITED(status) && WEXITSTATUS(status) == EPERM)
		return 0;
	if (n < 0 || status != 0)
		return error_set(err, EIO, "cannot read the next ids of SysV IPC");
	text[n] = '\0';
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	for (size_t i = 0; i < ARRAY_SIZE(keys) && line; i++) {
		set(spec, keys[i], line[0] == '-' ? NULL : line);
		line = strtok_r(NULL, "\n", &save);
	}
	return 0;
}

void next_ids_copy(const struct spec *from, struct spec *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		set(to, keys[i], pairs_get(&from->linux_.sysctl, keys[i]));
}
