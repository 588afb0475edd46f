/* SPDX-License-Identifier: Apache-2.0 */
/* enter.c - see enter.h. */
#include "container/enter.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/console.h"
#include "container/ns/ns.h"
#include "container/sync.h"
#include "sys/clone3.h"

/* The namespaces in which the target differs from us; joining one's own is refused for user namespaces. */
static uint64_t differing_namespaces(pid_t pid)
{
	uint64_t flags = 0;
	for (size_t i = 0; i < NS_KINDS; i++) {
		struct stat theirs, ours;
		CLEANUP_FD int a = ns_open(pid, &ns_kinds[i]);
		CLEANUP_FD int b = ns_open(getpid(), &ns_kinds[i]);
		if (a < 0 || b < 0 || fstat(a, &theirs) < 0 || fstat(b, &ours) < 0)
			continue;
		if (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev)
			flags |= ns_kinds[i].flag;
	}
	return flags;
}

static int enter_namespaces(struct pidref *target, struct error *err)
{
	int r = pidref_open(target);
	if (r < 0)
		return error_sys(err, -r, "the container's first process is gone");
	uint64_t flags = differing_namespaces(target->pid);
	/* nothing inside may look at us while we are half way in */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if ((flags & ~(uint64_t)CLONE_NEWTIME) &&
	    setns(target->pidfd, (int)(flags & ~(uint64_t)CLONE_NEWTIME)) < 0)
		return error_sys(err, errno, "cannot enter the container's namespaces");
	if ((flags & CLONE_NEWTIME) && setns(target->pidfd, CLONE_NEWTIME) < 0)
		return error_sys(err, errno, "cannot enter the container's time namespace");
	if (flags & CLONE_NEWUSER) {
		(void)setresgid(0, 0, 0);
		(void)setresuid(0, 0, 0);
		(void)prctl(PR_SET_DUMPABLE, 0);
	}
	return 0;
}

static NORETURN void child(const struct cgroup *cg, const struct job *job, bool terminal,
			   uint16_t rows, uint16_t cols, int sync)
{
	struct error err = ERROR_INIT;
	struct job mine = *job;
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	int r = cg ? cgroup_enter(cg, cgroup_fd(cg) < 0) : 0;
	if (r < 0) {
		error_sys(&err, -r, "cannot enter the control groups");
		sync_fail(sync, &err);
	}
	mine.tty = FD_NONE;
	if (terminal) {
		int master = FD_NONE;
		if (console_open(rows, cols, &master, &mine.tty, &err) < 0 ||
		    sync_send(sync, SYNC_CONSOLE, 0, master) < 0)
			sync_fail(sync, &err);
		fd_close(master);
	}
	job_execute(&mine, sync);
}

int container_enter(struct pidref *target, const struct cgroup *cg, const struct job *job,
		    bool terminal, uint16_t rows, uint16_t cols, struct enter_result *ret,
		    struct error *err)
{
	int sync[2];
	int r = sync_pair(sync, err);
	if (r < 0)
		return r;
	CLEANUP_FD int ours = sync[0];
	CLEANUP_FD int theirs = sync[1];
	r = enter_namespaces(target, err);
	if (r < 0)
		return r;
	struct enter_result res = { .process = PIDREF_NONE, .console = FD_NONE, .sync = FD_NONE };
	pid_t pid = sys_fork(CLONE_CLEAR_SIGHAND, cgroup_fd(cg), &res.process.pidfd);
	if (pid < 0) {
		error_sys(err, -pid, "cannot fork into the container");
		return pid == -EAGAIN ? error_hint(err, "its pids limit may be reached") : pid;
	}
	if (pid == 0) {
		fd_close(ours);
		child(cg, job, terminal, rows, cols, theirs);
	}
	theirs = fd_close(theirs);
	res.process.pid = pid;
	if (terminal) {
		struct sync_result got = SYNC_RESULT_INIT;
		r = sync_collect(ours, SYNC_CONSOLE, &got, err);
		res.console = got.console;
		if (r < 0) {
			pidref_done(&res.process);
			return r;
		}
	}
	res.sync = take_fd(&ours);
	*ret = res;
	return 0;
}
