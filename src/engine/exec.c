/* SPDX-License-Identifier: Apache-2.0 */
/* exec.c - a program more in a container that runs. See container/enter.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "container/build.h"
#include "container/enter.h"
#include "container/ns/ns.h"
#include "container/security/security.h"
#include "engine/container.h"
#include "engine/defaults.h"
#include "engine/events.h"
#include "engine/filter_file.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "engine/prepare.h"
#include "engine/relay.h"
#include "engine/supervisor.h"
#include "sys/pidfd.h"

struct exec {
	const struct contexe_exec *want;
	struct container *c;
	struct spec spec;
	struct security security;
	struct cgroup *cg;
	struct relay relay;
	struct terminal terminal;
	bool may_be_traced; /* by what runs in the container: see container_enter() */
	int job_fds[3];
	bool relayed[3];
	int signals; /* signalfd */
	sigset_t old_mask;
};

/*
 * A pipe or socket goes in as it is. A terminal or a file of the host's does not: a program inside could
 * open it anew with other rights, or push keys into the terminal; its bytes are carried instead.
 */
static bool passes(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return false;
	return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
	       (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

static int wire_one(struct exec *e, int i, struct error *err)
{
	int fds[2];
	bool input = i == 0;
	if ((input && !e->want->interactive) || e->want->detach) {
		e->job_fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		return e->job_fds[i] < 0 ? error_sys(err, errno, "cannot open /dev/null") : 0;
	}
	if (passes(i)) {
		e->job_fds[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		return e->job_fds[i] < 0 ? error_sys(err, errno, "cannot pass descriptor %d on", i)
					 : 0;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	e->relayed[i] = true;
	e->job_fds[i] = fds[input ? 0 : 1];
	if (!input) {
		e->relay.source[i] = fds[0];
		return 0;
	}
	e->relay.sink = fds[1];
	return fd_set_nonblock(fds[1], 1);
}

static int wire(struct exec *e, struct error *err)
{
	int r = 0;
	for (int i = 0; i < 3 && r == 0 && !e->want->tty; i++)
		r = wire_one(e, i, err);
	return r;
}

static bool may_be_traced(const struct spec *s)
{
	const struct strings *caps = &s->process.caps.bounding;
	bool found = s->contexe.join.n > 0; /* who knows what they may in there */
	for (size_t i = 0; i < caps->n && !s->linux_.n_uid_mappings; i++)
		found = found || str_eq(caps->v[i], "CAP_SYS_PTRACE");
	return found;
}

/* The container's own process settings, with what the caller wants otherwise. */
static int prepare(struct exec *e, struct error *err)
{
	struct spec *s = &e->spec;
	const struct contexe_exec *w = e->want;
	int r = container_spec(e->c, s, err);
	if (r < 0)
		return r;
	e->may_be_traced = may_be_traced(s);
	s->process.args.n = 0;
	for (const char *const *a = w->argv; *a; a++)
		strings_add(&s->arena, &s->process.args, *a);
	if (w->tty)
		prepare_env(s, arena_printf(&s->arena, "TERM=%s",
					    getenv("TERM") ? getenv("TERM") : "xterm"));
	for (const char *const *v = w->env; v && *v; v++)
		prepare_env(s, *v);
	if (w->user)
		s->process.user.username = arena_strdup(&s->arena, w->user);
	if (w->cwd)
		s->process.cwd = arena_strdup(&s->arena, w->cwd);
	if (w->privileged) {
		security_all_caps(s);
		s->linux_.seccomp = (struct spec_seccomp){ 0 };
		s->contexe.default_seccomp = false;
		s->process.no_new_privs = false;
	}
	CLEANUP_STR char *cache = root_path(e->c->root, "cache");
	r = security_prepare(s, cache, &s->arena, &e->security, err);
	if (ns_setgroups_denied(&s->linux_))
		e->security.set_groups = false;
	if (r == 0 && e->c->state.cgroup)
		r = container_cgroup(e->c, &e->cg, err);
	return r;
}

static char **vector(struct exec *e, const struct strings *list)
{
	char **v = arena_alloc(&e->spec.arena, (list->n + 1) * sizeof(char *));
	for (size_t i = 0; i < list->n; i++)
		v[i] = list->v[i];
	return v;
}

static int enter(struct exec *e, struct enter_result *ret, struct error *err)
{
	struct job job = {
		.argv = vector(e, &e->spec.process.args),
		.envp = vector(e, &e->spec.process.env),
		.cwd = e->spec.process.cwd ? e->spec.process.cwd : "/",
		.user = e->spec.process.user.username,
		.group_add = &e->spec.contexe.group_add,
		.security = &e->security,
		.stdio = e->job_fds,
		.tty = FD_NONE,
		.start_fd = FD_NONE,
	};
	uint16_t rows = 0, cols = 0;
	if (e->want->tty)
		IGNORE_RESULT(terminal_size(0, &rows, &cols));
	return container_enter(&e->c->init, e->cg, &job, e->may_be_traced, e->want->tty, rows, cols,
			       ret, err);
}

static void forward_signals(struct exec *e, int signals, int pidfd)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		uint16_t rows, cols;
		if (info.ssi_signo != SIGWINCH)
			(void)sys_pidfd_send_signal(pidfd, (int)info.ssi_signo);
		else if (terminal_size(0, &rows, &cols) == 0)
			relay_resize(&e->relay, rows, cols);
	}
}

/* Until the program ends, or the user detaches (false). */
static bool look_after(struct exec *e, int signals, int pidfd)
{
	struct pollset ps = { 0 };
	bool ended = false;
	while (!ended && !e->relay.detached) {
		pollset_clear(&ps);
		pollset_add(&ps, signals, POLLIN);
		pollset_add(&ps, pidfd, POLLIN);
		relay_add(&e->relay, &ps);
		if (poll(ps.v, (nfds_t)ps.n, relay_timeout(&e->relay)) < 0 && errno != EINTR)
			break;
		forward_signals(e, signals, pidfd);
		relay_handle(&e->relay, &ps);
		ended = (pollset_got(&ps, pidfd) & POLLIN) != 0;
	}
	pollset_done(&ps);
	return ended;
}

static int relay_until_end(struct exec *e, struct enter_result *in, int *ret_status,
			   struct error *err)
{
	siginfo_t info = { 0 };
	e->relay.local = true;
	e->relay.local_in = e->want->interactive && (e->relayed[0] || e->want->tty);
	if (e->want->tty) {
		e->relay.tty = true;
		e->relay.source[1] = e->relay.sink = in->console;
		in->console = FD_NONE;
		const char *keys = e->want->detach_keys;
		int r = fd_set_nonblock(e->relay.sink, 1);
		if (r == 0)
			r = keys_parse(keys ? keys : DETACH_KEYS_DEFAULT, &e->relay.keys, err);
		if (r < 0)
			return r;
		terminal_raw(0, &e->terminal);
	}
	bool ended = look_after(e, e->signals, in->process.pidfd);
	if (ended) {
		relay_drain(&e->relay);
		(void)sys_pidfd_wait(in->process.pidfd, &info, WEXITED | __WALL);
		*ret_status =
			info.si_code == CLD_EXITED ? info.si_status : 128 + (info.si_status & 0x7f);
	} else {
		*ret_status = -1;
	}
	terminal_restore(&e->terminal);
	return 0;
}

/* Before the program exists: a signal that comes while it starts is for it, too. */
static int take_signals(struct exec *e, struct error *err)
{
	static const int taken[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		sigaddset(&set, taken[i]);
	if (sigprocmask(SIG_BLOCK, &set, &e->old_mask) < 0)
		return error_sys(err, errno, "cannot block signals");
	e->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return e->signals < 0 ? error_sys(err, errno, "cannot make a signalfd") : 0;
}

static void give_signals_back(struct exec *e)
{
	e->signals = fd_close(e->signals);
	(void)sigprocmask(SIG_SETMASK, &e->old_mask, NULL);
}

static int run(struct exec *e, int *ret_status, struct error *err)
{
	struct enter_result in;
	int r = prepare(e, err);
	if (r == 0)
		filter_file_doubt(e->c->dir, &e->security);
	if (r == 0)
		r = wire(e, err);
	if (r == 0)
		r = enter(e, &in, err);
	for (int i = 0; i < 3; i++)
		e->job_fds[i] = fd_close(e->job_fds[i]);
	if (r < 0)
		return r;
	r = build_wait_started(&in.sync, err);
	if (r == 0) {
		event_write(e->c->root, "exec", e->c->name, e->c->number, e->c->state.id, NULL);
		*ret_status = 0;
		if (!e->want->detach)
			r = relay_until_end(e, &in, ret_status, err);
	}
	fd_close(in.console);
	pidref_done(&in.process);
	return r;
}

int contexe_exec(struct contexe *cx, const char *ref, const struct contexe_exec *want,
		 int *ret_status, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	struct exec e = { .want = want,
			  .job_fds = { FD_NONE, FD_NONE, FD_NONE },
			  .signals = FD_NONE,
			  .terminal = TERMINAL_NONE };
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0 && (!want->argv || !want->argv[0] || !*want->argv[0])) {
		error_set(err, EINVAL, "no command was given");
		r = error_hint(err, "put it last: contexe exec %s COMMAND [ARGUMENT...]", ref);
	}
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_EXEC, c->name, err);
	if (r < 0)
		return error_what(err, "cannot execute in the container");
	IGNORE_RESULT(supervise_orphan(c, NULL));
	e.c = c;
	relay_init(&e.relay);
	r = take_signals(&e, err);
	if (r == 0)
		r = run(&e, ret_status, err);
	give_signals_back(&e);
	relay_done(&e.relay);
	cgroup_free(e.cg);
	spec_done(&e.spec);
	return r < 0 ? error_what(err, "cannot execute in the container") : 0;
}
