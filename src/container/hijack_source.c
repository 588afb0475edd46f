/* SPDX-License-Identifier: Apache-2.0 */
/* hijack_source.c - see hijack_source.h. */
#include "container/hijack_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "container/door.h"
#include "container/ns/ns.h"
#include "sys/pidfd.h"

#define ENVIRON_MAX (4u << 20)

/* ---- which one ---- */

static int by_pid(pid_t pid, struct hijack_source *s, struct error *err)
{
	if (pid <= 0)
		return error_set(err, EINVAL, "%d is no process id", (int)pid);
	int r = pidref_from_pid(pid, &s->process);
	/* EINVAL and, since Linux 6.15, ENOENT: it is a thread's number, not a process' */
	if (r == -EINVAL || r == -ENOENT)
		return error_set(err, EINVAL, "%d is the number of a thread", (int)pid);
	return r < 0 ? error_sys(err, -r, "cannot look at process %d", (int)pid) : 0;
}

static int by_pidfd(int fd, struct hijack_source *s, struct error *err)
{
	char path[48];
	CLEANUP_BUF struct buf info = BUF_INIT;
	int mine = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (mine < 0)
		return error_sys(err, errno, "cannot use the pidfd");
	(void)snprintf(path, sizeof(path), "self/fdinfo/%d", mine);
	if (file_read(s->proc, path, 1 << 16, &info) < 0 || !strstr(buf_str(&info), "\nPid:")) {
		fd_close(mine);
		return error_set(err, EINVAL, "descriptor %d is no pidfd", fd);
	}
	int r = pidref_from_pidfd(mine, &s->process);
	return r < 0 ? error_sys(err, -r, "cannot look at the process") : 0;
}

static int find(struct hijack_source *s, const struct hijack *h, struct error *err)
{
	switch (h->which) {
	case HIJACK_PID:
		return by_pid(h->id, s, err);
	case HIJACK_PIDFD:
		return by_pidfd(h->id, s, err);
	case HIJACK_CGROUP:
		return hijack_group_lead(s->proc, h->id, &s->process, err);
	}
	return error_set(err, EINVAL, "a source is named by pid, pidfd or control group");
}

int hijack_source_find(struct hijack_source *s, const struct hijack *h, pid_t parent,
		       struct error *err)
{
	*s = (struct hijack_source){
		.process = PIDREF_NONE,
		.proc = FD_NONE,
		.root = FD_NONE,
		.cwd = FD_NONE,
		.like = LIKENESS_INIT,
	};
	s->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0)
		return error_sys(err, errno, "cannot open /proc");
	int r = find(s, h, err);
	s->self = r == 0 && s->process.pid == parent;
	return r;
}

/* ---- what it is ---- */

static int gone(struct error *err)
{
	return error_set(err, ESRCH, "the process is gone");
}

static int check_kind(struct hijack_source *s, struct error *err)
{
	int kernel = proc_is_kernel_thread(s->proc, s->process.pid);
	if (kernel == -ESRCH || (kernel >= 0 && strchr("ZXx", s->theirs.state)))
		return kernel == -ESRCH ? gone(err) : error_set(err, ESRCH, "it is a zombie");
	if (kernel > 0)
		return error_set(err, EPERM, "it is a thread of the kernel's");
	if (s->theirs.seccomp == 1)
		return error_set(err, EPERM,
				 "it is in seccomp's strict mode, in which nothing can fork");
	if (s->theirs.tracer && !s->self) {
		error_set(err, EBUSY, "process %d traces it", (int)s->theirs.tracer);
		return error_hint(err, "end that debugger or tracer first");
	}
	if (s->self)
		return 0;
	if (s->ours.seccomp)
		return error_set(err, EPERM,
				 "we have a filter of system calls, which no child can be without");
	if (s->ours.no_new_privs && !s->theirs.no_new_privs)
		return error_set(err, EPERM, "we have no_new_privs, which no child can be without");
	return 0;
}

static int open_directory(struct hijack_source *s, const char *name, int *ret, struct error *err)
{
	char path[48];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)s->process.pid, name);
	*ret = openat(s->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret >= 0)
		return 0;
	if (errno == ENOENT || errno == ESRCH)
		return gone(err);
	return error_sys(err, errno == EACCES ? EPERM : errno, "may not look into its %s directory",
			 name);
}

static int read_environment(struct hijack_source *s, const struct hijack *h, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	char path[48];
	size_t n = 0;
	(void)snprintf(path, sizeof(path), "%d/environ", (int)s->process.pid);
	int r = file_read(s->proc, path, ENVIRON_MAX, &text);
	if (r < 0)
		return error_sys(err, r == -EACCES ? EPERM : -r, "cannot read its environment");
	for (char **e = h->env; e && *e; e++)
		*arena_push(&s->arena, s->envp, n) = *e;
	const char *end = buf_str(&text) + text.len;
	for (const char *p = buf_str(&text); p < end; p += strlen(p) + 1)
		if (strchr(p, '='))
			*arena_push(&s->arena, s->envp, n) = arena_strdup(&s->arena, p);
	*arena_push(&s->arena, s->envp, n) = NULL;
	return 0;
}

int hijack_source_read(struct hijack_source *s, const struct hijack *h, struct error *err)
{
	pid_t pid = s->process.pid;
	int r = proc_traits_read(s->proc, pid, &s->arena, &s->theirs);
	if (r == 0)
		r = proc_traits_read(s->proc, getpid(), &s->arena, &s->ours);
	if (r < 0)
		return error_sys(err, -r, "cannot read its status");
	r = check_kind(s, err);
	if (r == 0)
		r = open_directory(s, "root", &s->root, err);
	if (r == 0)
		r = open_directory(s, "cwd", &s->cwd, err);
	if (r == 0)
		r = cgroup_follow_open(s->proc, pid, &s->groups, err);
	if (r == 0)
		r = likeness_read(s->proc, pid, &s->like, err);
	if (r == 0 && h->argv)
		r = read_environment(s, h, err);
	if (r == 0 && !s->self)
		r = hijack_visit(s, err);
	if (r < 0)
		return r;
	s->namespaces = door_differing(pid);
	/* all that was read by number was of this process, if that lives now */
	return pidref_alive(&s->process) ? 0 : gone(err);
}

/*
 * A process that enters another user namespace has all capabilities there. Had it done so between our entering the old one
 * and our reading these sets, a child would get them in the old one.
 */
int hijack_source_inside(const struct hijack_source *s, struct arena *arena,
			 struct proc_traits *ret, struct error *err)
{
	char path[48];
	struct stat theirs, ours;
	int r = proc_traits_read(s->proc, s->process.pid, arena, ret);
	if (r < 0)
		return error_sys(err, -r, "cannot read its status");
	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)s->process.pid);
	if (fstatat(s->proc, path, &theirs, 0) < 0 ||
	    fstatat(s->proc, "thread-self/ns/user", &ours, 0) < 0)
		return error_sys(err, errno == EACCES ? EAGAIN : errno,
				 "cannot see in which user namespace it is");
	if (theirs.st_ino != ours.st_ino)
		return error_set(err, EAGAIN, "it has gone to another user namespace meanwhile");
	return ret->seccomp == s->theirs.seccomp
		       ? 0
		       : error_set(err, EAGAIN, "it has got a filter meanwhile");
}

void hijack_source_close(struct hijack_source *s)
{
	pidref_done(&s->process);
	s->proc = fd_close(s->proc);
	s->root = fd_close(s->root);
	s->cwd = fd_close(s->cwd);
	s->like.label_fd = fd_close(s->like.label_fd);
	cgroup_follow_done(&s->groups);
}
