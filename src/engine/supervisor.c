/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.c - see supervisor.h. One poll loop over: our signals, the job's output, watchers, the control
 * socket and its clients, contexe-init's channel, the pidfd of pid 1.
 */
#include "engine/supervisor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "container/sync.h"
#include "engine/bringup.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/prepare.h"
#include "engine/restart.h"
#include "init/protocol.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"

#define MAX_CLIENTS 64

struct supervisor {
	struct container *c;
	struct spec spec;
	const struct supervisor_options *opt;
	struct relay relay;
	struct live live;
	struct restart restart;
	struct terminal terminal;
	int signals; /* signalfd */
	sigset_t old_mask;
	int clients[MAX_CLIENTS]; /* connections that have not attached */
	bool waiting[MAX_CLIENTS]; /* for CTL_EXIT */
	size_t n_clients;
	bool stopping;	/* somebody asked for the end: no restart */
	bool started;	/* the job executes, or did */
	bool reported;
	bool ended;
	struct opt_i64 status; /* as contexe-init told it */
	struct error start_error;
};

/* ---- signals ---- */

/* What the user of a foreground container, or an administrator, sends us is meant for the job. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGIO, SIGPWR };

static int take_signals(struct supervisor *sv, struct error *err)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, &sv->old_mask) < 0)
		return error_sys(err, errno, "cannot block signals");
	sigdelset(&set, SIGPIPE); /* blocked and never looked at: writing tells us */
	sv->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return sv->signals < 0 ? error_sys(err, errno, "cannot make a signalfd") : 0;
}

static void give_signals_back(struct supervisor *sv)
{
	sv->signals = fd_close(sv->signals);
	(void)sigprocmask(SIG_SETMASK, &sv->old_mask, NULL);
}

static void signal_job(struct supervisor *sv, int sig)
{
	struct pidref *target = pidref_is_set(&sv->live.job) ? &sv->live.job : &sv->live.init;
	if (target->pidfd >= 0)
		(void)sys_pidfd_send_signal(target->pidfd, sig);
}

static void handle_signals(struct supervisor *sv)
{
	struct signalfd_siginfo info;
	while (read(sv->signals, &info, sizeof(info)) == sizeof(info)) {
		uint16_t rows, cols;
		if (info.ssi_signo != SIGWINCH)
			signal_job(sv, (int)info.ssi_signo);
		else if (sv->relay.local && terminal_size(0, &rows, &cols) == 0)
			relay_resize(&sv->relay, rows, cols);
	}
}

/* ---- what is written down ---- */

static void describe_processes(struct supervisor *sv, struct state *s)
{
	struct live *l = &sv->live;
	s->init_pid = l->init.pid;
	s->init_start = l->init.start;
	s->job_pid = l->job.pid;
	s->job_start = l->job.start;
	s->supervisor_pid = getpid();
	s->supervisor_start = pid_start_time(getpid(), NULL);
	s->boot = arena_strdup(&s->arena, boot_id());
}

static int write_started(struct supervisor *sv, const char *status, struct error *err)
{
	struct state *s = &sv->c->state;
	describe_processes(sv, s);
	s->status = arena_strdup(&s->arena, status);
	s->reason = NULL;
	s->wait_status.set = false;
	s->finished = 0;
	if (str_eq(status, "running"))
		s->started = timestamp_now();
	CLEANUP_BUF struct buf groups = BUF_INIT;
	s->cgroup = NULL;
	if (sv->live.cg) {
		cgroup_describe(sv->live.cg, &groups);
		s->cgroup = arena_strdup(&s->arena, buf_str(&groups));
	}
	return state_write(sv->c->dir, s, err);
}

static void event(struct supervisor *sv, const char *type, const char *extra)
{
	event_write(sv->c->root, type, sv->c->name, sv->c->number, sv->c->state.id, extra);
}

/* The lock was the starter's while we built; from now on others may act on the container. */
static void announce(struct supervisor *sv)
{
	if (sv->opt->report >= 0 && !sv->reported && sync_send(sv->opt->report, SYNC_BUILT, 0, FD_NONE) < 0)
		sv->reported = false;
	sv->reported = true;
	container_unlock(sv->c);
}

/* ---- control clients ---- */

static void drop_client(struct supervisor *sv, size_t i, bool close_it)
{
	if (close_it)
		fd_close(sv->clients[i]);
	sv->n_clients--;
	sv->clients[i] = sv->clients[sv->n_clients];
	sv->waiting[i] = sv->waiting[sv->n_clients];
}

static int let_start(struct supervisor *sv, struct error *err)
{
	if (sv->started)
		return error_set(err, EALREADY, "the container is started already");
	if (sv->live.start_fd < 0 || fd_write_all(sv->live.start_fd, "s", 1) < 0)
		return error_set(err, EPIPE, "the container's program is gone");
	sv->live.start_fd = fd_close(sv->live.start_fd);
	int r = build_wait_started(&sv->live.sync, err);
	if (r < 0) {
		error_what(err, "cannot start the container");
		return r;
	}
	sv->started = true;
	r = write_started(sv, "running", err);
	event(sv, "start", NULL);
	return r;
}

static int request_start(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	(void)msg;
	return let_start(sv, err);
}

static int request_stopping(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	(void)msg;
	(void)err;
	sv->stopping = true;
	return 0;
}

static int request_policy(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	(void)err;
	sv->restart.policy = (enum restart_policy)msg->value;
	sv->restart.max = (unsigned)msg->value2;
	return 0;
}

static const struct {
	enum ctl_type type;
	int (*answer)(struct supervisor *sv, const struct ctl_msg *msg, struct error *err);
} requests[] = {
	{ CTL_START, request_start },
	{ CTL_STOPPING, request_stopping },
	{ CTL_POLICY, request_policy },
};

static void handle_client(struct supervisor *sv, size_t i)
{
	struct ctl_msg msg;
	int sock = sv->clients[i];
	ssize_t n = control_recv(sock, &msg, NULL, 0, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		drop_client(sv, i, true);
		return;
	}
	if (msg.type == CTL_WAIT) {
		sv->waiting[i] = true;
		return;
	}
	if (msg.type == CTL_ATTACH) {
		drop_client(sv, i, false);
		relay_attach(&sv->relay, sock, (msg.value & CTL_ATTACH_STDIN) != 0);
		event(sv, "attach", NULL);
		return;
	}
	for (size_t k = 0; k < ARRAY_SIZE(requests); k++) {
		if (requests[k].type != msg.type)
			continue;
		struct error err = ERROR_INIT;
		int r = requests[k].answer(sv, &msg, &err);
		r = r < 0 ? control_send(sock, CTL_ERROR, 0, 0, &err, sizeof(err))
			  : control_send(sock, CTL_OK, 0, 0, NULL, 0);
		if (r < 0)
			drop_client(sv, i, true);
		return;
	}
	drop_client(sv, i, true);
}

static void accept_client(struct supervisor *sv)
{
	int sock = accept4(sv->live.listen, NULL, NULL, SOCK_CLOEXEC);
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (sock < 0)
		return;
	bool ours = getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
		    (cred.uid == 0 || cred.uid == geteuid());
	if (!ours || sv->n_clients == MAX_CLIENTS) {
		fd_close(sock);
		return;
	}
	sv->waiting[sv->n_clients] = false;
	sv->clients[sv->n_clients++] = sock;
}

/* ---- contexe-init ---- */

static void handle_channel(struct supervisor *sv)
{
	struct init_msg msg;
	ssize_t n;
	while ((n = recv(sv->live.channel, &msg, sizeof(msg), MSG_DONTWAIT)) == sizeof(msg)) {
		if (msg.magic != INIT_MAGIC)
			continue;
		if (msg.type == INIT_JOB_EXITED)
			sv->status = (struct opt_i64){ true, msg.value };
		else if (msg.type == INIT_ENDED_BY)
			sv->status = (struct opt_i64){ true, msg.value & 0x7f };
		else if (msg.type == INIT_STOP_ME)
			(void)sys_pidfd_send_signal(sv->live.init.pidfd, SIGSTOP);
	}
	if (n == 0)
		sv->live.channel = fd_close(sv->live.channel);
}

/* ---- the loop ---- */

static void detach_local(struct supervisor *sv)
{
	terminal_restore(&sv->terminal);
	sv->relay.local = sv->relay.local_in = false;
	sv->relay.detached = false;
}

static void add_all(struct supervisor *sv, struct pollset *ps)
{
	pollset_clear(ps);
	pollset_add(ps, sv->signals, POLLIN);
	pollset_add(ps, sv->live.listen, POLLIN);
	pollset_add(ps, sv->live.channel, POLLIN);
	pollset_add(ps, sv->live.init.pidfd, POLLIN);
	if (sv->live.start_fd >= 0)
		pollset_add(ps, sv->live.sync, POLLIN);
	for (size_t i = 0; i < sv->n_clients; i++)
		pollset_add(ps, sv->clients[i], POLLIN);
	relay_add(&sv->relay, ps);
}

/* Until the container ends, or the local user detaches. */
static void look_after(struct supervisor *sv)
{
	struct pollset ps = { 0 };
	while (!sv->ended && !sv->relay.detached) {
		add_all(sv, &ps);
		if (poll(ps.v, (nfds_t)ps.n, relay_timeout(&sv->relay)) < 0 && errno != EINTR)
			break;
		handle_signals(sv);
		if (pollset_got(&ps, sv->live.channel))
			handle_channel(sv);
		relay_handle(&sv->relay, &ps);
		for (size_t i = sv->n_clients; i-- > 0;)
			if (pollset_got(&ps, sv->clients[i]))
				handle_client(sv, i);
		if (pollset_got(&ps, sv->live.listen) & POLLIN)
			accept_client(sv);
		if (pollset_got(&ps, sv->live.init.pidfd) & POLLIN)
			sv->ended = true;
	}
	pollset_done(&ps);
}

/* What the job's end was, from the best witness. */
static int64_t final_status(struct supervisor *sv, const char **ret_reason)
{
	siginfo_t info = { 0 };
	int written;
	bool waited = sys_pidfd_wait(sv->live.init.pidfd, &info, WEXITED | WNOWAIT | __WALL) == 0;
	bool killed = waited && info.si_code != CLD_EXITED;
	struct cgroup_stats stats;

	*ret_reason = NULL;
	if (sv->live.cg && cgroup_stats(sv->live.cg, &stats, NULL) == 0 && stats.oom_kills > 0)
		*ret_reason = "out of memory";
	if (sv->status.set)
		return sv->status.v;
	if (sv->live.own_init && container_read_status(sv->c, &written) == 0)
		return written;
	if (!waited)
		return SIGKILL;
	return killed ? info.si_status & 0x7f : info.si_status << 8;
}

static void write_end(struct supervisor *sv, int64_t status, const char *reason)
{
	struct state *s = &sv->c->state;
	char extra[64];
	s->status = "exited";
	s->wait_status = (struct opt_i64){ true, status };
	s->reason = reason ? arena_strdup(&s->arena, reason) : NULL;
	s->finished = timestamp_now();
	s->init_pid = s->job_pid = 0;
	s->cgroup = NULL;
	if (!sv->spec.contexe.remove && state_write(sv->c->dir, s, NULL) < 0)
		event(sv, "state-lost", NULL);
	if (str_eq(reason, "out of memory"))
		event(sv, "oom", NULL);
	(void)snprintf(extra, sizeof(extra), "\"exitCode\":%d", status_to_exit(status));
	event(sv, "die", extra);
}

/* `update` may have added groups since we made ours: what is written down is what there is. */
static void reopen_groups(struct supervisor *sv)
{
	struct state now = { 0 };
	struct cgroup *cg;
	if (!sv->live.cg || state_read(sv->c->dir, &now) < 0)
		return;
	if (now.cgroup && !str_eq(now.cgroup, sv->c->state.cgroup) && cgroup_open(now.cgroup, &cg, NULL) == 0) {
		cgroup_free(sv->live.cg);
		sv->live.cg = cg;
	}
	state_done(&now);
}

/* One life: from processes to their end. */
static int64_t live_once(struct supervisor *sv)
{
	look_after(sv);
	if (!sv->ended)
		return 0; /* detached */
	handle_channel(sv);
	const char *reason;
	int64_t status = final_status(sv, &reason);
	relay_drain(&sv->relay);
	reopen_groups(sv);
	bringdown(&sv->live);
	write_end(sv, status, reason);
	return status;
}

static void tell_waiting(struct supervisor *sv, int64_t status)
{
	relay_end(&sv->relay, (int)status);
	for (size_t i = sv->n_clients; i-- > 0;) {
		if (sv->waiting[i] && control_send(sv->clients[i], CTL_EXIT, (int)status, 0, NULL, 0) < 0)
			sv->waiting[i] = false;
		drop_client(sv, i, true);
	}
}

static int bring_up(struct supervisor *sv, struct error *err)
{
	sv->ended = sv->started = false;
	sv->status.set = false;
	spec_done(&sv->spec);
	int r = container_spec(sv->c, &sv->spec, err);
	if (r == 0)
		r = prepare_joins(sv->c->root, &sv->spec, err);
	if (r < 0)
		return r;
	if (!sv->restart.delay)
		restart_init(&sv->restart, &sv->spec);
	r = bringup(sv->c, &sv->spec, sv->opt->wait_start, sv->opt->foreground, &sv->relay, &sv->live, err);
	if (r < 0)
		return r;
	if (!str_eq(sv->spec.contexe.log, "none"))
		sv->relay.log = log_new(sv->c->dir, sv->spec.contexe.log_max.set ? sv->spec.contexe.log_max.v : 0);
	if (!sv->opt->wait_start) {
		r = build_wait_started(&sv->live.sync, err);
		sv->started = r == 0;
	}
	if (r == 0)
		r = write_started(sv, sv->opt->wait_start ? "created" : "running", err);
	if (r < 0)
		return r;
	if (sv->started)
		event(sv, "start", NULL);
	return 0;
}

static void take_down(struct supervisor *sv)
{
	bringdown(&sv->live);
	struct log *log = sv->relay.log;
	relay_done(&sv->relay);
	log_free(log);
	sv->relay.log = NULL;
}

static void start_local(struct supervisor *sv)
{
	if (!sv->opt->foreground || (str_eq(sv->spec.contexe.log, "passthrough") && !sv->relay.tty))
		return;
	struct relay *r = &sv->relay;
	r->local = true;
	r->local_in = sv->spec.contexe.interactive;
	const char *keys = sv->spec.contexe.detach_keys;
	if (r->tty && keys_parse(keys ? keys : DETACH_KEYS_DEFAULT, &r->keys, NULL) == 0)
		terminal_raw(0, &sv->terminal);
}

/* Waits out the delay before a restart, answering clients. False when the restart is off. */
static bool wait_restart(struct supervisor *sv, uint64_t delay_ns)
{
	struct signalfd_siginfo info;
	uint64_t end = timestamp_now_monotonic() + delay_ns;
	for (;;) {
		uint64_t now = timestamp_now_monotonic();
		if (now >= end)
			return !sv->stopping;
		struct pollfd p[1] = { { .fd = sv->signals, .events = POLLIN } };
		if (poll(p, 1, (int)((end - now) / 1000000) + 1) > 0 &&
		    read(sv->signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGWINCH)
			return false; /* SIGTERM and the like: nothing runs that could take it */
	}
}

/*
 * The rest of a supervisor's life, after the first start was reported: returns the exit status that a shell
 * sees, or -1 after the local user has detached.
 */
static int run_lives(struct supervisor *sv)
{
	for (;;) {
		int64_t status = live_once(sv);
		if (!sv->ended)
			return -1;
		uint64_t delay;
		if (sv->stopping || !restart_wanted(&sv->restart, (int)status, sv->c->state.started, &delay) ||
		    !wait_restart(sv, delay)) {
			tell_waiting(sv, status);
			take_down(sv);
			return status_to_exit(status);
		}
		struct remote *watchers = sv->relay.remotes; /* they stay attached over a restart */
		sv->relay.remotes = NULL;
		take_down(sv);
		struct error err = ERROR_INIT;
		sv->c->state.restarts++;
		event(sv, "restart", NULL);
		int r = bring_up(sv, &err);
		sv->relay.remotes = watchers;
		if (r < 0) {
			char line[512];
			(void)error_line(&err, line, sizeof(line));
			write_end(sv, 125 << 8, line);
			tell_waiting(sv, 125 << 8);
			take_down(sv);
			return 125;
		}
		start_local(sv);
	}
}

/* --rm: whoever holds the lock is removing it already. */
static void remove_if_wanted(struct supervisor *sv)
{
	if (sv->spec.contexe.remove && flock(sv->c->dir, LOCK_EX | LOCK_NB) == 0 &&
	    container_delete(sv->c, NULL) == 0)
		event(sv, "remove", NULL);
}

static void supervisor_done(struct supervisor *sv)
{
	terminal_restore(&sv->terminal);
	for (size_t i = sv->n_clients; i-- > 0;)
		drop_client(sv, i, true);
	give_signals_back(sv);
	spec_done(&sv->spec);
}

/* The user left: a child goes on as supervisor, and we go back to the shell. */
static int hand_over(struct supervisor *sv, struct error *err)
{
	detach_local(sv);
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid < 0)
		return error_sys(err, -pid, "cannot go to the background");
	if (pid > 0)
		return 0;
	(void)setsid();
	if (fd_close(0), fd_close(1), fd_close(2), fd_sanitize_stdio() < 0)
		_exit(1);
	if (write_started(sv, "running", NULL) < 0)
		event(sv, "state-lost", NULL);
	int status = run_lives(sv);
	remove_if_wanted(sv);
	_exit(status < 0 ? 0 : status);
}

static void settle(void)
{
	/* what building needed is not needed for the years to come */
	(void)malloc_trim(0);
	(void)prctl(PR_SET_NAME, "contexe-super");
}

int supervise(struct container *c, const struct supervisor_options *opt, int *ret_exit, struct error *err)
{
	struct supervisor sv = {
		.c = c, .opt = opt, .live = LIVE_NONE, .signals = FD_NONE, .terminal = TERMINAL_NONE,
	};
	relay_init(&sv.relay);
	int r = take_signals(&sv, err);
	if (r == 0)
		r = bring_up(&sv, err);
	if (r < 0) {
		take_down(&sv);
		supervisor_done(&sv);
		return r;
	}
	announce(&sv);
	if (opt->foreground)
		start_local(&sv);
	else
		settle();
	int status = run_lives(&sv);
	if (status >= 0)
		remove_if_wanted(&sv);
	else
		r = hand_over(&sv, err);
	supervisor_done(&sv);
	if (r == 0)
		*ret_exit = status;
	return r;
}

/* ---- detached ---- */

static void close_inherited(const struct container *c, int report)
{
	int keep[] = { c->root->fd, c->root->containers, c->dir, report };
	/* ascending, so that the gaps between them can be closed */
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		for (size_t k = i + 1; k < ARRAY_SIZE(keep); k++)
			if (keep[k] < keep[i]) {
				int t = keep[i];
				keep[i] = keep[k];
				keep[k] = t;
			}
	unsigned from = 3;
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
		if (keep[i] < 3)
			continue;
		if ((unsigned)keep[i] > from)
			(void)syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
}

static NORETURN void detached_main(struct container *c, bool wait_start, int report)
{
	struct supervisor_options opt = { .wait_start = wait_start, .report = report };
	struct error err = ERROR_INIT;
	int status = 1;

	(void)setsid();
	close_inherited(c, report);
	if (fd_close(0), fd_close(1), fd_close(2), fd_sanitize_stdio() < 0 || chdir("/") < 0)
		_exit(1);
	if (supervise(c, &opt, &status, &err) < 0)
		sync_fail(report, &err);
	_exit(status & 0xff);
}

int supervise_detached(struct container *c, bool wait_start, struct error *err)
{
	int report[2];
	int r = sync_pair(report, err);
	if (r < 0)
		return r;
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid == 0) {
		fd_close(report[0]);
		/* a second fork, so that the caller has no child that it does not know of */
		pid_t again = sys_fork(0, FD_NONE, NULL);
		if (again == 0)
			detached_main(c, wait_start, report[1]);
		_exit(again < 0);
	}
	fd_close(report[1]);
	if (pid < 0) {
		fd_close(report[0]);
		return error_sys(err, -pid, "cannot fork the supervisor");
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	struct sync_result got = SYNC_RESULT_INIT;
	r = sync_collect(report[0], SYNC_BUILT, &got, err);
	fd_close(report[0]);
	if (r == 0 && got.eof)
		return error_set(err, ECHILD, "the supervisor died");
	return r;
}
