/* SPDX-License-Identifier: Apache-2.0 */
/* enter.c - see enter.h. */
#include "container/enter.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/console.h"
#include "container/door.h"
#include "container/ns/ns.h"
#include "container/sync.h"
#include "sys/clone3.h"

static int enter_userns(const struct pidref *target, struct error *err)
{
	int r = door_enter(target, CLONE_NEWUSER, err);
	if (r < 0)
		return r;
	(void)syscall(SYS_setresgid, 0, 0, 0);
	(void)syscall(SYS_setresuid, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static bool user_is_ours(pid_t pid)
{
	char path[48];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return ns_is_ours(path, ns_find("user"));
}

/*
 * The user namespace comes first for those who have their privileges only in there; for root it comes
 * last, in the child (*ret_user_later), since the control groups belong to the root outside.
 */
static int enter_namespaces(struct pidref *target, const struct security *security,
			    bool *ret_user_later, struct error *err)
{
	const uint64_t user = CLONE_NEWUSER;
	int r = pidref_open(target);
	if (r < 0)
		return error_sys(err, -r, "the container's first process is gone");
	bool root = geteuid() == 0;
	bool other_user = !user_is_ours(target->pid);
	*ret_user_later = root && other_user;
	if (other_user)
		r = security_apply_oom_score_adj(security, err);
	/* nothing inside may look at us while we are half way in */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (r < 0 || (root && door_enter_all_but_user(target)))
		return r;
	uint64_t flags = door_differing(target->pid);
	if (!root && other_user)
		r = enter_userns(target, err);
	return r < 0 ? r : door_enter(target, flags & ~user, err);
}

struct entrance {
	const struct pidref *target;
	const struct cgroup *cg;
	const struct job *job;
	int sync;
	bool terminal, user_later;
	uint16_t rows, cols;
};

static NORETURN void child(const struct entrance *e)
{
	int sync = e->sync;
	struct error err = ERROR_INIT;
	struct job mine = *e->job;
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	int r = e->cg ? cgroup_enter(e->cg, cgroup_fd(e->cg) < 0) : 0;
	if (r < 0)
		error_sys(&err, -r, "cannot enter the control groups");
	else if (e->user_later)
		r = enter_userns(e->target, &err);
	if (r < 0)
		sync_fail(sync, &err);
	mine.tty = FD_NONE;
	if (e->terminal) {
		int master = FD_NONE;
		if (console_open(e->rows, e->cols, &master, &mine.tty, &err) < 0 ||
		    sync_send(sync, SYNC_CONSOLE, 0, master) < 0)
			sync_fail(sync, &err);
		fd_close(master);
	}
	job_execute(&mine, sync);
}

static int vforked(void *arg)
{
	child(arg);
}

/*
 * In our own memory where nobody inside can look into it: it is not dumpable, so that takes CAP_SYS_PTRACE, in our
 * user namespace.
 */
static pid_t bear(struct entrance *e, bool may_be_traced, int group, int *ret_pidfd)
{
	if (!may_be_traced)
		return sys_vfork(CLONE_CLEAR_SIGHAND, group, ret_pidfd, vforked, e);
	pid_t pid = sys_fork(CLONE_CLEAR_SIGHAND, group, ret_pidfd);
	if (pid == 0)
		child(e);
	return pid;
}

int container_enter(struct pidref *target, const struct cgroup *cg, const struct job *job,
		    bool may_be_traced, bool terminal, uint16_t rows, uint16_t cols,
		    struct enter_result *ret, struct error *err)
{
	int sync[2];
	int r = sync_pair(sync, err);
	if (r < 0)
		return r;
	CLEANUP_FD int ours = sync[0];
	CLEANUP_FD int theirs = sync[1];
	struct entrance e = {
		.target = target,
		.cg = cg,
		.job = job,
		.terminal = terminal,
		.rows = rows,
		.cols = cols,
	};
	/* where process 1 is: a group of v2 that the container divided may have no processes itself */
	CLEANUP_FD int beside = cg ? cgroup_fd_beside(cg, target->pid) : FD_NONE;
	r = enter_namespaces(target, job->security, &e.user_later, err);
	if (r < 0)
		return r;
	struct enter_result res = { .process = PIDREF_NONE, .console = FD_NONE, .sync = FD_NONE };
	e.sync = theirs;
	pid_t pid =
		bear(&e, may_be_traced, beside >= 0 ? beside : cgroup_fd(cg), &res.process.pidfd);
	if (pid < 0) {
		error_sys(err, -pid, "cannot fork into the container");
		return pid == -EAGAIN ? error_hint(err, "its pids limit may be reached") : pid;
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
