/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hijack_group.c - which process a control group means: its lead.
 *
 * The lead is the oldest process that is in the group itself, not in groups below, and that is neither a zombie nor a thread
 * of the kernel's. Parents are older than their children, so no ancestor of it is in the group, unless one moved in
 * later. Of those that began within one tick of the clock it is the one whose parent is not among them; then the lowest number.
 * It is by that process 1 of a container, or what a service manager began the service with.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "container/hijack_source.h"
#include "proc/process.h"
#include "proc/traits.h"

#define MEMBERS_MAX (16u << 20)
#define TRIES	    16

static int not_a_group(struct error *err)
{
	error_set(err, EINVAL, "the descriptor is not of a control group's list of processes");
	return error_hint(err, "open its file 'cgroup.procs' or 'tasks'");
}

/* The file again, from its beginning, so that the caller's position stays. */
static int open_again(int fd, struct error *err)
{
	char path[48], target[PATH_MAX];
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return error_sys(err, errno, "cannot look at the descriptor");
	if (fs.f_type != CGROUP_SUPER_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC)
		return not_a_group(err);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return error_sys(err, errno, "cannot look at the descriptor");
	target[n] = '\0';
	const char *name = strrchr(target, '/');
	if (name && str_has_prefix(name, "/cgroup.procs (deleted)"))
		return error_set(err, ENODEV, "the control group was removed");
	if (!name || (!str_eq(name, "/tasks") && !str_eq(name, "/cgroup.procs")))
		return not_a_group(err);
	int again = open(path, O_RDONLY | O_CLOEXEC);
	return again < 0 ? error_sys(err, errno, "cannot read the control group's processes")
			 : again;
}

/* Whether a is rather the lead than b. */
static bool before(const struct proc_process *a, const struct proc_process *b)
{
	if (a->start != b->start)
		return a->start < b->start;
	if (b->ppid == a->pid || a->ppid == b->pid)
		return b->ppid == a->pid;
	return a->pid < b->pid;
}

static bool may_lead(int proc, const struct proc_process *p)
{
	return p->tgid == p->pid && p->state != 'Z' && p->state != 'X' &&
	       proc_is_kernel_thread(proc, p->pid) == 0;
}

/* `tasks` lists threads: their processes are meant. 0 is a process of another pid namespace. */
static pid_t best_of(int proc, const char *text)
{
	struct proc_process best = { 0 };
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		struct proc_process one = { 0 };
		pid_t pid = (pid_t)strtol(p, NULL, 10);
		if (pid <= 0 || proc_read(pid, &one) < 0)
			continue;
		if (one.tgid != one.pid && proc_read(one.tgid, &one) < 0)
			continue;
		if (may_lead(proc, &one) && (!best.pid || before(&one, &best)))
			best = one;
	}
	return best.pid;
}

static bool is_listed(const char *text, pid_t pid)
{
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strtol(p, NULL, 10) == pid)
			return true;
	return false;
}

static int read_members(int fd, struct buf *text)
{
	char path[48];
	buf_reset(text);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = file_read(AT_FDCWD, path, MEMBERS_MAX, text);
	/* removed, or a domain's threads that only their domain lists */
	return r == -ENODEV || r == -ENOENT ? -ENODEV : r;
}

int hijack_group_lead(int proc, int fd, struct pidref *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FD int again = open_again(fd, err);
	if (again < 0)
		return again;
	for (int tries = 0; tries < TRIES; tries++) {
		struct pidref lead = PIDREF_NONE;
		int r = read_members(again, &text);
		if (r < 0)
			return error_sys(err, -r, "cannot read the control group's processes");
		pid_t pid = best_of(proc, buf_str(&text));
		if (!pid)
			return error_set(err, ESRCH, "the control group has no process");
		if (pidref_from_pid(pid, &lead) < 0)
			continue;
		/* the number may be another's by now: what is listed after it was opened is meant */
		r = read_members(again, &text);
		if (r == 0 && is_listed(buf_str(&text), pid) && pidref_alive(&lead)) {
			*ret = lead;
			return 0;
		}
		pidref_done(&lead);
	}
	return error_set(err, EAGAIN, "the control group's processes come and go");
}
