/* SPDX-License-Identifier: Apache-2.0 */
/* hijack.c - a child with all resources of another process, for programs and for `contexe hijack`. */
#include "container/hijack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "sys/pidfd.h"

pid_t contexe_hijack(unsigned long clone_flags, int which, int id)
{
	struct hijack h = { .clone_flags = clone_flags,
			    .which = (enum hijack_which)which,
			    .id = id };
	struct error err = ERROR_INIT;
	_Static_assert((int)HIJACK_PID == CONTEXE_HIJACK_PID &&
			       (int)HIJACK_CGROUP == CONTEXE_HIJACK_CGROUP &&
			       (int)HIJACK_PIDFD == CONTEXE_HIJACK_PIDFD,
		       "the same numbers");
	pid_t pid = hijack(&h, &err);
	if (pid >= 0)
		return pid;
	errno = -pid;
	return -1;
}

struct source {
	struct hijack h;
	struct container *c; /* NULL: it is no container */
	int fd;		     /* pidfd or file of a group, ours */
};

static int open_group(const char *path, int *ret, struct error *err)
{
	struct stat st;
	CLEANUP_STR char *members = NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		members = xasprintf("%s/cgroup.procs", path);
	int fd = open(members ? members : path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error_sys(err, errno, "cannot open the control group");
		return error_hint(err, "give its directory, or its file 'cgroup.procs' or 'tasks'");
	}
	*ret = fd;
	return 0;
}

/* The container's own program, whose resources are what it was made for; its process 1 keeps less. */
static int open_container(struct contexe *cx, const char *ref, struct source *s, struct error *err)
{
	int r = container_open(cx->root, ref, &s->c, err);
	if (r == 0)
		r = lifecycle_check(s->c->now, EVENT_EXEC, s->c->name, err);
	if (r < 0)
		return r;
	struct pidref *job = pidref_is_set(&s->c->job) ? &s->c->job : &s->c->init;
	r = pidref_open(job);
	if (r < 0)
		return error_sys(err, -r, "its program is gone");
	s->fd = fcntl(job->pidfd, F_DUPFD_CLOEXEC, 3);
	return s->fd < 0 ? error_sys(err, errno, "cannot keep a pidfd") : 0;
}

static int find(struct contexe *cx, const struct contexe_hijack_options *o, struct source *s,
		struct error *err)
{
	int r = 0;
	if (o->container) {
		s->h.which = HIJACK_PIDFD;
		r = open_container(cx, o->container, s, err);
		s->h.id = s->fd;
	} else if (o->cgroup) {
		s->h.which = HIJACK_CGROUP;
		r = open_group(o->cgroup, &s->fd, err);
		s->h.id = s->fd;
	} else {
		s->h.which = HIJACK_PID;
		s->h.id = o->pid;
	}
	return r;
}

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

/* What a terminal sends, it sends to the program as well, which is in our process group. */
static void forward(int signals, int pidfd)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_code != SI_KERNEL)
			(void)sys_pidfd_send_signal(pidfd, (int)info.ssi_signo);
}

static int wait_for(pid_t pid, int signals, int *ret_status, struct error *err)
{
	CLEANUP_FD int pidfd = sys_pidfd_open(pid);
	siginfo_t info = { 0 };
	struct pollfd p[2] = { { .fd = signals, .events = POLLIN },
			       { .fd = pidfd, .events = POLLIN } };
	while (pidfd >= 0 && !p[1].revents) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		forward(signals, pidfd);
	}
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | __WALL) < 0)
		return error_sys(err, errno, "cannot wait for the program");
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + (info.si_status & 0x7f);
	return 0;
}

static int run(struct source *s, struct contexe *cx, const struct contexe_hijack_options *o,
	       int *ret_status, struct error *err)
{
	sigset_t set, before;
	char *env[2] = { NULL };
	CLEANUP_STR char *term = NULL;
	if (isatty(0) && getenv("TERM"))
		env[0] = term = xasprintf("TERM=%s", getenv("TERM"));
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	if (sigprocmask(SIG_BLOCK, &set, &before) < 0)
		return error_sys(err, errno, "cannot block signals");
	CLEANUP_FD int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->h.clone_flags = SIGCHLD;
	s->h.argv = (char **)(uintptr_t)o->argv;
	s->h.env = env;
	s->h.mask = &before;
	pid_t pid =
		signals < 0 ? error_sys(err, errno, "cannot make a signalfd") : hijack(&s->h, err);
	if (pid > 0 && s->c)
		event_write(cx->root, "exec", s->c->name, s->c->number, s->c->state.id, NULL);
	int r = pid < 0 ? pid : wait_for(pid, signals, ret_status, err);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void name_source(const struct contexe_hijack_options *o, struct error *err)
{
	if (o->container)
		error_object(err, "%s", o->container);
	else if (o->cgroup)
		error_object(err, "%s", o->cgroup);
	else
		error_object(err, "process %d", (int)o->pid);
}

int contexe_hijack_run(struct contexe *cx, const struct contexe_hijack_options *o, int *ret_status,
		       struct contexe_error *public_err)
{
	struct error unheard = ERROR_INIT;
	struct error *err = public_err ? api_error(public_err) : &unheard;
	struct source s = { .fd = FD_NONE };
	int r = 0;
	if (!o->argv || !o->argv[0] || !*o->argv[0]) {
		error_set(err, EINVAL, "no command was given");
		r = error_hint(err,
			       "put it last: contexe hijack --pid PID -- COMMAND [ARGUMENT...]");
	}
	if (r == 0)
		r = find(cx, o, &s, err);
	if (r == 0)
		r = run(&s, cx, o, ret_status, err);
	fd_close(s.fd);
	container_close(&s.c);
	if (r == 0)
		return 0;
	name_source(o, err);
	return error_what(err, "cannot hijack");
}
