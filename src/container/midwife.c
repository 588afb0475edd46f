/* SPDX-License-Identifier: Apache-2.0 */
/* midwife.c - see midwife.h. */
#include "container/midwife.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/builder.h"
#include "container/ns/ns.h"
#include "container/sync.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"
#include "sys/pidref.h"

static int refused(const struct plan_join *join, int e, struct error *err)
{
	error_sys(err, e, "cannot join the %s namespace", join->type);
	error_object(err, "%s", join->path);
	if (e == EINVAL && join->flag == CLONE_NEWUSER)
		error_hint(err, "it is the one that we are in: leave it out");
	return -e;
}

/*
 * A namespace may belong to the user namespace outside or to the one that is joined: what cannot be joined with the
 * power over the first is tried with the power over the second.
 */
static int join_all(const struct plan *plan, struct error *err)
{
	int fds[ARRAY_SIZE(plan->joins)], user = FD_NONE;
	const struct plan_join *user_join = NULL;

	for (size_t i = 0; i < plan->n_joins; i++) {
		fds[i] = builder_open_ns(&plan->joins[i], err);
		if (fds[i] < 0)
			return fds[i];
		if (plan->joins[i].flag == CLONE_NEWUSER) {
			user_join = &plan->joins[i];
			user = take_fd(&fds[i]);
		}
	}
	for (size_t i = 0; i < plan->n_joins; i++)
		if (fds[i] >= 0 && setns(fds[i], (int)plan->joins[i].flag) == 0)
			fds[i] = fd_close(fds[i]);
		else if (fds[i] >= 0 && errno != EPERM)
			return refused(&plan->joins[i], errno, err);
	if (setns(user, CLONE_NEWUSER) < 0)
		return refused(user_join, errno, err);
	fd_close(user);
	for (size_t i = 0; i < plan->n_joins; i++)
		if (fds[i] >= 0 && setns(fds[i], (int)plan->joins[i].flag) < 0)
			return refused(&plan->joins[i], errno, err);
		else
			fds[i] = fd_close(fds[i]);
	return 0;
}

static NORETURN void midwife_main(const struct plan *plan, const struct cgroup *cg,
				  const struct build_io *io, const int sync[2], int report)
{
	struct error err = ERROR_INIT;
	int old_time = FD_NONE, pidfd = FD_NONE;
	uint64_t flags = builder_namespaces(plan);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* as the one whom the groups belong to; the builder is born where we are */
	int r = cg ? cgroup_enter(cg, cgroup_fd(cg) < 0) : 0;
	if (r < 0)
		error_sys(&err, -r, "cannot enter the control groups");
	if (r == 0 && !plan->own_pidns)
		r = security_apply_oom_score_adj(&plan->security, &err);
	/* nothing in the namespace may look at us: we have the machine's files open */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (r == 0)
		r = join_all(plan, &err);
	if (r == 0 && plan->has_time_offsets)
		r = ns_time_prepare(&plan->spec->linux_, &old_time, &err);
	if (r < 0)
		sync_fail(report, &err);
	pid_t pid = sys_fork(flags | CLONE_PARENT, FD_NONE, &pidfd);
	if (pid < 0) {
		builder_not_born(-pid, &err);
		sync_fail(report, &err);
	}
	if (pid == 0) {
		fd_close(report);
		fd_close(sync[0]);
		fd_close(old_time);
		builder_main(plan, NULL, io, sync[1]);
	}
	if (sync_send(report, SYNC_BORN, 0, pidfd) < 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	_exit(0);
}

int midwife_bear(const struct plan *plan, const struct cgroup *cg, const struct build_io *io,
		 const int sync[2], int *ret_pidfd, struct error *err)
{
	int pair[2];
	struct pidref builder = PIDREF_NONE;
	siginfo_t info;
	int r = sync_pair(pair, err);
	if (r < 0)
		return r;
	CLEANUP_FD int ours = pair[0];
	CLEANUP_FD int theirs = pair[1];
	CLEANUP_FD int midwife = FD_NONE;

	pid_t pid = sys_fork(CLONE_CLEAR_SIGHAND, cgroup_fd(cg), &midwife);
	if (pid < 0)
		return error_sys(err, -pid, "cannot fork");
	if (pid == 0) {
		fd_close(ours);
		midwife_main(plan, cg, io, sync, theirs);
	}
	theirs = fd_close(theirs);
	struct sync_result got = SYNC_RESULT_INIT;
	r = sync_collect(ours, SYNC_BORN, &got, err);
	(void)sys_pidfd_wait(midwife, &info, WEXITED | __WALL);
	if (r == 0 && (got.eof || got.job < 0))
		r = error_set(err, ECHILD, "the process that joins the user namespace died");
	if (r == 0)
		r = pidref_from_pidfd(got.job, &builder);
	else
		fd_close(got.job);
	if (r == -ESRCH)
		error_set(err, ECHILD, "the process that builds the container died");
	if (r < 0)
		return r;
	*ret_pidfd = builder.pidfd;
	return builder.pid;
}
