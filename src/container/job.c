/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - see job.h. */
#include "container/job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "container/console.h"
#include "container/program.h"
#include "container/sync.h"
#include "container/user.h"

static void wait_for_start(int fd)
{
	char byte;
	ssize_t n;
	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(1); /* the supervisor is gone: nobody will ever start us */
	fd_close(fd);
}

/* Descriptors may come in any order and overlap the numbers they must get: lift all above, then place. */
static int place_descriptors(const struct job *job, int *sync, struct error *err)
{
	int lifted[3 + 64];
	size_t n_stdio = job->tty >= 0 ? 0 : 3, n = n_stdio + MIN(job->n_preserve, (size_t)64);
	int first = 3 + (int)job->n_preserve;

	*sync = fcntl(*sync, F_DUPFD_CLOEXEC, first);
	for (size_t i = 0; i < n && *sync >= 0; i++) {
		int from = i < n_stdio ? job->stdio[i] : job->preserve[i - n_stdio];
		lifted[i] = fcntl(from, F_DUPFD_CLOEXEC, first);
		if (lifted[i] < 0)
			return error_sys(err, errno, "cannot pass descriptor %d on", from);
	}
	if (job->tty >= 0) {
		int r = console_take(job->tty, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(lifted[i], (int)(i < n_stdio ? i : 3 + i - n_stdio)) < 0)
			return error_sys(err, errno, "cannot place descriptor %zu", i);
	/* whatever else is open, wanted or not, ends with execve */
	if (syscall(SYS_close_range, (unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		for (int fd = first; fd < 1024; fd++)
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int enter_cwd(const struct job *job, struct error *err)
{
	char now[PATH_MAX];
	if (chdir(job->cwd) < 0) {
		error_sys(err, errno, "cannot enter the working directory");
		error_object(err, "%s", job->cwd);
		return error_hint(err,
				  "it must exist inside the container and be open to the user");
	}
	/* a directory outside the root shows as "(unreachable)..." (CVE-2024-21626) */
	if (syscall(SYS_getcwd, now, sizeof(now)) < 0 || now[0] != '/') {
		error_set(err, EPERM, "the working directory is outside the container");
		return error_object(err, "%s", job->cwd);
	}
	return 0;
}

/* What our caller ignores (nohup, a shell's background) is no business of the program's. */
static void reset_signals(void)
{
	sigset_t none;
	/* as the kernel takes it: handler, flags, restorer, mask; libc keeps 32 and 33 for itself */
	const uint64_t def[4] = { 0 };
	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, &def, NULL, 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* HOME, as login(1) would set it, unless it was given. */
static char **env_with_home(struct arena *a, char **envp, const char *home)
{
	if (program_env(envp, "HOME"))
		return envp;
	size_t n = 0;
	while (envp[n])
		n++;
	char **v = arena_alloc(a, (n + 2) * sizeof(char *));
	memcpy(v, envp, n * sizeof(char *));
	v[n] = arena_printf(a, "HOME=%s", home);
	return v;
}

void job_execute(const struct job *job, int sync)
{
	struct error err = ERROR_INIT;
	struct arena arena = { 0 };
	struct security sec = *job->security;
	char **envp = job->envp;

	if (job->start_fd >= 0)
		wait_for_start(job->start_fd);
	(void)prctl(PR_SET_PDEATHSIG, 0);
	reset_signals();
	if (job->tty < 0 && setsid() < 0 && errno != EPERM) {
		error_sys(&err, errno, "cannot start a session");
		sync_fail(sync, &err);
	}
	if (place_descriptors(job, &sync, &err) < 0)
		sync_fail(sync, &err);
	struct user user = { .home = "/" };
	char numeric[24];
	(void)snprintf(numeric, sizeof(numeric), "%u:%u", sec.uid, sec.gid);
	if (user_lookup(job->user ? job->user : numeric, &arena, &user, &err) < 0) {
		error_what(&err, "cannot become the user");
		sync_fail(sync, &err);
	}
	if (job->user) {
		sec.uid = user.uid;
		sec.gid = user.gid;
		if (user.uid != 0) /* or a file with capabilities could keep what execve(2) takes,
				    * no_new_privs or not */
			sec.cap_permitted = sec.cap_effective = sec.cap_ambient;
	}
	for (size_t i = 0; i < sec.n_groups; i++)
		*arena_push(&arena, user.groups, user.n_groups) = sec.groups[i];
	for (size_t i = 0; job->group_add && i < job->group_add->n; i++)
		if (user_group_lookup(job->group_add->v[i],
				      arena_push(&arena, user.groups, user.n_groups), &err) < 0)
			sync_fail(sync, &err);
	sec.groups = user.groups;
	sec.n_groups = user.n_groups;
	envp = env_with_home(&arena, envp, user.home);
	if (job->tty >= 0)
		(void)fchown(0, sec.uid,
			     (gid_t)-1); /* fails harmlessly where the id is not mapped */
	if (security_apply_early(&sec, &err) < 0 || security_apply_final(&sec, &err) < 0 ||
	    enter_cwd(job, &err) < 0)
		sync_fail(sync, &err);
	/*
	 * The memory may still be the builder's too (vfork), who is on its way to execute contexe-init while we run already:
	 * nobody in the container may look into it. execve(2) gives us a memory of our own.
	 */
	(void)prctl(PR_SET_DUMPABLE, 0);
	program_execute(job->argv, envp, &err);
	sync_fail(sync, &err);
}
