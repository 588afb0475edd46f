/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - see build.h. What the builder does inside is in builder.c. */
#include "container/build.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/builder.h"
#include "container/midwife.h"
#include "container/ns/ns.h"
#include "container/sync.h"
#include "container/views.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"

/* pid 1 failed or must go: nothing of it stays. */
static void abandon(struct pidref *init)
{
	siginfo_t info;
	if (init->pidfd >= 0) {
		(void)sys_pidfd_send_signal(init->pidfd, SIGKILL);
		(void)sys_pidfd_wait(init->pidfd, &info, WEXITED | __WALL);
	}
	pidref_done(init);
}

/* The one joined namespace that only children enter. The builder joins the others. */
static int join_pidns(const struct plan *plan, int *ret_old, struct error *err)
{
	for (size_t i = 0; i < plan->n_joins; i++) {
		if (plan->joins[i].flag != CLONE_NEWPID)
			continue;
		CLEANUP_FD int old = ns_open(getpid(), ns_find("pid"));
		CLEANUP_FD int fd = builder_open_ns(&plan->joins[i], err);
		if (fd < 0)
			return fd;
		if (setns(fd, CLONE_NEWPID) < 0) {
			error_sys(err, errno, "cannot join the pid namespace");
			return error_object(err, "%s", plan->joins[i].path);
		}
		*ret_old = take_fd(&old);
	}
	return 0;
}

static pid_t clone_builder(const struct plan *plan, const struct cgroup *cg, int netns_fd,
			   int *ret_pidfd, struct error *err)
{
	int old_time = FD_NONE;
	CLEANUP_FD int old_pid = FD_NONE;
	uint64_t flags = builder_namespaces(plan);

	/* with a user namespace of its own, the builder does it: enter_time() */
	if (plan->has_time_offsets && !(plan->unshare & CLONE_NEWUSER)) {
		int r = ns_time_prepare(&plan->spec->linux_, &old_time, err);
		if (r < 0)
			return r;
	}
	if (netns_fd >= 0)
		flags &= ~(uint64_t)CLONE_NEWNET;
	int r = join_pidns(plan, &old_pid, err);
	pid_t pid = r < 0 ? r : sys_fork(flags, cgroup_fd(cg), ret_pidfd);
	if (pid == 0)
		return 0;
	ns_time_restore(&old_time);
	if (old_pid >= 0 && setns(old_pid, CLONE_NEWPID) < 0 && pid > 0)
		return pid; /* later children would be born inside; there are none but for restarts */
	return r == 0 && pid < 0 ? builder_not_born(-pid, err) : pid;
}

int container_build(const struct plan *plan, const struct cgroup *cg, const struct build_io *io,
		    struct build_result *ret, struct error *err)
{
	struct build_result res = {
		.init = PIDREF_NONE,
		.job = PIDREF_NONE,
		.console = FD_NONE,
		.views = FD_NONE,
		.sync = FD_NONE,
	};
	int sync[2];
	int r = sync_pair(sync, err);
	if (r < 0)
		return r;
	CLEANUP_FD int ours = sync[0];
	CLEANUP_FD int theirs = sync[1];

	pid_t pid = plan->joins_user ? midwife_bear(plan, cg, io, sync, &res.init.pidfd, err)
				     : clone_builder(plan, cg, io->netns_fd, &res.init.pidfd, err);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		fd_close(ours);
		builder_main(plan, cg, io, theirs);
	}
	theirs = fd_close(theirs);
	res.init.pid = pid;
	res.init.start = pid_start_time(pid, NULL);
	if (plan->unshare & CLONE_NEWUSER)
		r = ns_write_idmaps(pid, &plan->spec->linux_, err);
	/* a child that failed has gone: what it said is read below */
	if (r == 0 && ((plan->unshare & CLONE_NEWUSER) || plan->joins_user))
		IGNORE_RESULT(sync_send(ours, SYNC_GO, 0, FD_NONE));
	if (r == 0 && io->meanwhile)
		r = io->meanwhile(io->meanwhile_arg, err);
	if (r == 0 && io->views_memory < 0) /* else it is told when it is done with the tree */
		IGNORE_RESULT(sync_send(ours, SYNC_GO, 0, FD_NONE));
	struct sync_result got = SYNC_RESULT_INIT;
	got.views_memory = io->views_memory;
	if (r == 0)
		r = sync_collect(ours, SYNC_BUILT, &got, err);
	if (got.views >= 0 && !got.views_done) /* what nobody waited for */
		(void)views_answer_build(got.views, got.views_memory);
	/* a job that is over already is no error: pid 1 tells its status, the sync socket why */
	if (r == 0 && !got.eof && got.job >= 0)
		IGNORE_RESULT(pidref_from_pidfd(take_fd(&got.job), &res.job));
	if (r == 0 && got.eof) {
		error_set(err, ECHILD, "the process that builds the container died");
		r = error_hint(err, "see the kernel's log (dmesg): out of memory?");
	}
	if (r < 0) {
		fd_close(got.console);
		fd_close(got.views);
		fd_close(got.job);
		pidref_done(&res.job);
		abandon(&res.init);
		return r;
	}
	res.console = got.console;
	res.views = got.views;
	res.sync = take_fd(&ours);
	*ret = res;
	return 0;
}

int build_wait_started(int *sync, struct error *err)
{
	struct sync_result got = SYNC_RESULT_INIT;
	int r = sync_collect(*sync, SYNC_ERROR, &got, err);
	fd_close(got.console);
	fd_close(got.views);
	fd_close(got.job);
	*sync = fd_close(*sync);
	return r;
}
