/* SPDX-License-Identifier: Apache-2.0 */
/* probe_child.c - the child that a dangerous probe runs in; see probe.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/probe.h"

#define TIME_LIMIT 5 /* seconds */

/*
 * The oldest fork there is, so that it works where clone3 is filtered. With no exit signal the child is
 * invisible to a parent that does not ask for __WALL. All arguments are 0, so their order, which differs
 * between machines, does not matter.
 */
int probe_fork(void)
{
	long pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	return pid < 0 ? -errno : (int)pid;
}

int probe_wait(int pid)
{
	int status;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int probe_enter_userns(uint64_t more_namespaces)
{
	char uid_map[40], gid_map[40];
	(void)snprintf(uid_map, sizeof(uid_map), "0 %u 1\n", geteuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1\n", getegid());
	if (unshare((int)(CLONE_NEWUSER | more_namespaces)) < 0)
		return -errno;
	int r = file_write(AT_FDCWD, "/proc/self/setgroups", "deny");
	if (r == 0)
		r = file_write(AT_FDCWD, "/proc/self/uid_map", uid_map);
	if (r == 0)
		r = file_write(AT_FDCWD, "/proc/self/gid_map", gid_map);
	return r;
}

static int enter_namespaces(uint64_t namespaces)
{
	int r = 0;
	if (namespaces && geteuid() != 0)
		r = probe_enter_userns(namespaces & ~(uint64_t)CLONE_NEWUSER);
	else if (namespaces && unshare((int)namespaces) < 0)
		r = -errno;
	if (r == 0 && (namespaces & CLONE_NEWNS) &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		r = -errno;
	return r;
}

/* The caller's handlers must not run in the child, nor its mask hold back what ends it. */
static void reset_signals(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, sig == SIGPIPE ? SIG_IGN : SIG_DFL); /* refused for KILL, STOP */
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static NORETURN void child_main(int (*probe)(void), uint64_t namespaces, int answer, pid_t parent)
{
	reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before PDEATHSIG was set */
		_exit(0);
	(void)alarm(TIME_LIMIT);
	int r = enter_namespaces(namespaces);
	if (r == 0)
		r = probe();
	_exit(fd_write_all(answer, &r, sizeof(r)) < 0); /* silence tells enough */
}

/* Why a child that said nothing did not. */
static int silent_child(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return -ETIMEDOUT;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return -EPERM;
	return -EIO;
}

int probe_in_child(int (*probe)(void), uint64_t namespaces)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	CLEANUP_FD int from = ends[0];
	CLEANUP_FD int to = ends[1];
	pid_t self = getpid();
	int pid = probe_fork();
	if (pid < 0)
		return pid;
	if (pid == 0)
		child_main(probe, namespaces, to, self);
	to = fd_close(to);
	int r, status = 0;
	ssize_t n = fd_read_all(from, &r, sizeof(r));
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return n == sizeof(r) ? r : silent_child(status);
}
