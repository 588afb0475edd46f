/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.c - see supervisor.h. One poll loop over: our signals, the job's output, watchers, the control
 * socket and its clients, contexe-init's channel, the pidfd of pid 1.
 */
#include "engine/supervisor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "container/sync.h"
#include "engine/adopt.h"
#include "engine/prepare.h"
#include "engine/next_ids.h"
#include "engine/restoring.h"
#include "engine/supervisor_parts.h"
#include "init/protocol.h"
#include "sys/arch/syscall.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"

#define SETTLE_MS 1000

/* ---- signals ---- */

/* What the user of a foreground container, or an administrator, sends us is meant for the job. */
static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
				 SIGUSR2, SIGALRM, SIGIO,   SIGPWR };

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
	/* one that our own writing raised was told by the write */
	sigset_t pipe;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (!sigismember(&sv->old_mask, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &(struct timespec){ 0 }) == SIGPIPE)
			;
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

/* The lock was the starter's while we built; from now on others may act on the container. */
static void announce(struct supervisor *sv)
{
	if (sv->opt->report >= 0 && !sv->reported &&
	    sync_send(sv->opt->report, SYNC_BUILT, 0, FD_NONE) < 0)
		sv->reported = false;
	sv->reported = true;
	if (!sv->opt->leader)
		container_unlock(sv->c);
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

struct ranges {
	struct {
		uintptr_t at;
		size_t size;
	} v[8];
	size_t n;
};

/* What is only read of a program: its clean pages come back from the page cache when they are wanted. */
static int collect_text(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct ranges *ranges = arg;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum && ranges->n < ARRAY_SIZE(ranges->v); i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t end =
			(info->dlpi_addr + p->p_vaddr + p->p_memsz + page - 1) & ~(page - 1);
		if (p->p_type != PT_LOAD || (p->p_flags & PF_W))
			continue;
		ranges->v[ranges->n].at = at;
		ranges->v[ranges->n++].size = end - at;
	}
	return 0;
}

/*
 * Gives the pages back and waits as poll(2) does. No call of the C library in between: the page that this is on is
 * then the only one of the program that a resting supervisor holds.
 */
static __attribute__((noinline)) int drop_and_poll(const struct ranges *ranges, struct pollfd *fds,
						   size_t n)
{
	for (size_t i = 0; i < ranges->n; i++)
		(void)arch_syscall3(SYS_madvise, (long)ranges->v[i].at, (long)ranges->v[i].size,
				    MADV_DONTNEED);
	return (int)arch_syscall5(SYS_ppoll, (long)fds, (long)n, 0, 0, 0);
}

/* Nothing happens: what building needed is not needed for the years to come. Returns as poll(2), or -errno. */
static int rest(struct supervisor *sv, struct pollset *ps)
{
	struct ranges ranges = { .n = 0 };
	if (sv->opt->report >= 0 && sv->spec) {
		/* our own process: the caller looks at it no more */
		spec_done(sv->spec);
		sv->spec = &sv->own_spec;
	}
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(collect_text, &ranges);
	return drop_and_poll(&ranges, ps->v, ps->n);
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
	pollset_add(ps, sv->live.channel, POLLIN);
	pollset_add(ps, sv->live.init.pidfd, POLLIN);
	if (sv->live.start_fd >= 0)
		pollset_add(ps, sv->live.sync, POLLIN);
	views_add(&sv->live.views, ps);
	clients_add(sv, ps);
	relay_add(&sv->relay, ps);
}

/* Until the container ends, or the local user detaches. */
static void look_after(struct supervisor *sv)
{
	struct pollset ps = { 0 };
	while (!sv->ended && !sv->relay.detached) {
		add_all(sv, &ps);
		int timeout = relay_timeout(&sv->relay);
		int n = poll(ps.v, (nfds_t)ps.n, timeout < 0 ? SETTLE_MS : timeout);
		if (n == 0 && timeout < 0)
			n = rest(sv, &ps);
		if (n < 0 && n != -EINTR && errno != EINTR)
			break;
		handle_signals(sv);
		if (pollset_got(&ps, sv->live.channel))
			handle_channel(sv);
		views_handle(&sv->live.views, &ps);
		relay_handle(&sv->relay, &ps);
		clients_handle(sv, &ps);
		if (sv->relay.reader_gone && !sv->told_reader_gone) {
			/* as in any pipeline; who ignores it goes on, for the log and other watchers */
			sv->told_reader_gone = true;
			signal_job(sv, SIGPIPE);
		}
		if (pollset_got(&ps, sv->live.init.pidfd) & POLLIN)
			sv->ended = true;
	}
	pollset_done(&ps);
}

/* What the job's end was, from the best witness. */
static int64_t final_status(struct supervisor *sv)
{
	siginfo_t info = { 0 };
	int written;
	bool waited = sys_pidfd_wait(sv->live.init.pidfd, &info, WEXITED | WNOWAIT | __WALL) == 0;
	bool killed = waited && info.si_code != CLD_EXITED;

	if (sv->live.led)
		return leader_status(&sv->live.job);
	if (sv->status.set)
		return sv->status.v;
	if (sv->live.own_init && container_read_status(sv->c, &written) == 0)
		return written;
	if (!waited)
		return SIGKILL;
	return killed ? info.si_status & 0x7f : info.si_status << 8;
}

static const char *end_reason(const struct supervisor *sv, int64_t status)
{
	struct cgroup_stats stats;
	if (sv->failure[0])
		return sv->failure;
	if (sv->checkpointed)
		return "checkpointed";
	if (status == 0 || !sv->live.cg || cgroup_stats(sv->live.cg, &stats, NULL) < 0)
		return NULL;
	return stats.oom_kills > 0 ? "out of memory" : NULL;
}

/* `update` has added groups since we made ours: what is written down is what there is. */
static void reopen_groups(struct supervisor *sv)
{
	struct state now = { 0 };
	struct cgroup *cg;
	if (!sv->regroup || !sv->live.cg || state_read(sv->c->dir, &now) < 0)
		return;
	if (now.cgroup && !str_eq(now.cgroup, sv->c->state.cgroup) &&
	    cgroup_open(now.cgroup, &cg, NULL) == 0) {
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
	int64_t status = final_status(sv);
	relay_drain(&sv->relay);
	reopen_groups(sv);
	const char *reason = end_reason(sv, status);
	bringdown(&sv->live);
	record_end(sv, status, reason);
	return status;
}

/* The caller's spec the first time, afterwards what is written down: `update` may have changed it. */
static int take_spec(struct supervisor *sv, struct error *err)
{
	if (!sv->spec && sv->opt->spec) {
		sv->spec = sv->opt->spec;
	} else {
		spec_done(&sv->own_spec);
		int r = container_spec(sv->c, &sv->own_spec, err);
		if (r < 0)
			return r;
		sv->spec = &sv->own_spec;
	}
	const struct spec_contexe *x = &sv->spec->contexe;
	sv->remove = x->remove;
	sv->interactive = x->interactive;
	sv->log_max = x->log_max.set ? x->log_max.v : 0;
	sv->log_mode = str_eq(x->log, "none")	       ? LOG_NONE
		       : str_eq(x->log, "passthrough") ? LOG_PASSTHROUGH
						       : LOG_FILE;
	if (!sv->restart.delay)
		restart_init(&sv->restart, sv->spec);
	return keys_parse(x->detach_keys ? x->detach_keys : DETACH_KEYS_DEFAULT, &sv->keys, err);
}

static void make_log(struct supervisor *sv)
{
	if (sv->log_mode != LOG_NONE)
		sv->relay.log = log_new(sv->c->dir, sv->log_max);
}

/* On the container's own clock, which goes on over a checkpoint. */
static uint64_t born_at(const struct supervisor *sv, const struct restoring *restoring)
{
	const struct spec_time_offset *o = &sv->spec->linux_.boottime;
	struct timespec now;
	if (restoring && restoring->record.born)
		return restoring->record.born;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)((now.tv_sec + (o->secs.set ? o->secs.v : 0)) * 1000000000 + now.tv_nsec +
			  (o->nanosecs.set ? (int64_t)o->nanosecs.v : 0));
}

/* A container that lost its supervisor gets us. */
static int take_over(struct supervisor *sv, struct error *err)
{
	int r = adopt(sv->c, sv->spec, &sv->relay, &sv->live, err);
	if (r < 0)
		return r;
	views_tell(&sv->live.views, &sv->live.init, sv->c->state.born, sv->c->state.cgroup);
	sv->started = true;
	make_log(sv);
	return record_adopted(sv, err);
}

static int bring_up(struct supervisor *sv, bool first, struct error *err)
{
	bool wait_start = sv->opt->wait_start && first;

	sv->ended = sv->started = false;
	sv->status.set = false;
	int r = take_spec(sv, err);
	if (r < 0)
		return r;
	if (sv->opt->adopt && first)
		return take_over(sv, err);
	r = prepare_joins(sv->c->root, sv->spec, err);
	struct bringup_request req = {
		.spec = sv->spec,
		.wait_start = wait_start,
		.foreground = sv->opt->foreground,
		.netns = first ? sv->opt->netns : NULL,
		/* a spec with joins is written down before they are filled in */
		.write_spec = sv->spec == sv->opt->spec && !sv->spec->contexe.join.n,
		.restoring = first ? sv->opt->restoring : NULL,
		.leader = sv->opt->leader,
	};
	if (r == 0 && req.restoring) {
		restoring_set_clocks(req.restoring, sv->spec);
		next_ids_copy(&req.restoring->spec, sv->spec);
		req.write_spec = false; /* the clocks are this life's */
	}
	req.born = sv->c->state.born = born_at(sv, req.restoring);
	if (r == 0)
		r = bringup(sv->c, &req, &sv->relay, &sv->live, err);
	/* written down while the job is on its way to execve */
	if (r == 0)
		r = record_started(sv, wait_start ? "created" : "running", err);
	if (r == 0 && req.restoring)
		sv->started = true;
	else if (r == 0 && !wait_start) {
		r = build_wait_started(&sv->live.sync, err);
		sv->started = r == 0;
		if (r < 0)
			record_failed(sv, err);
	}
	if (r < 0)
		return r;
	make_log(sv);
	if (sv->started && !req.leader)
		record_event(sv, req.restoring ? "restore" : "start", NULL);
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
	if (!sv->opt->foreground || (sv->log_mode == LOG_PASSTHROUGH && !sv->relay.tty))
		return;
	struct relay *r = &sv->relay;
	r->local = true;
	/* whoever brings a container with a terminal back in front of theirs wants to type */
	r->local_in = sv->interactive || (sv->opt->restoring && r->tty);
	if (r->tty) {
		r->keys = sv->keys;
		terminal_raw(0, &sv->terminal);
	}
}

/* `update` may have changed the policy while nothing ran. */
static bool still_wanted(struct supervisor *sv)
{
	struct spec CLEANUP_SPEC spec = { 0 };
	struct restart now;
	if (container_spec(sv->c, &spec, NULL) < 0)
		return false;
	restart_init(&now, &spec);
	sv->restart.policy = now.policy;
	sv->restart.max = now.max;
	return now.policy != RESTART_NO;
}

/* Waits out the delay before a restart, answering clients. False when the restart is off. */
static bool wait_restart(struct supervisor *sv, uint64_t delay_ns)
{
	struct signalfd_siginfo info;
	uint64_t end = timestamp_now_monotonic() + delay_ns;
	for (;;) {
		uint64_t now = timestamp_now_monotonic();
		if (now >= end)
			return !sv->stopping && still_wanted(sv);
		struct pollfd p[1] = { { .fd = sv->signals, .events = POLLIN } };
		if (poll(p, 1, (int)((end - now) / 1000000) + 1) > 0 &&
		    read(sv->signals, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_signo != SIGWINCH)
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
		if (sv->stopping ||
		    !restart_wanted(&sv->restart, (int)status, sv->c->state.started, &delay) ||
		    !wait_restart(sv, delay)) {
			clients_end(sv, status);
			take_down(sv);
			return status_to_exit(status);
		}
		struct remote *watchers = sv->relay.remotes; /* they stay attached over a restart */
		sv->relay.remotes = NULL;
		take_down(sv);
		struct error err = ERROR_INIT;
		sv->c->state.restarts++;
		record_event(sv, "restart", NULL);
		int r = bring_up(sv, false, &err);
		sv->relay.remotes = watchers;
		if (r < 0) {
			char line[512];
			(void)error_line(&err, line, sizeof(line));
			record_end(sv, 125 << 8, line);
			clients_end(sv, 125 << 8);
			take_down(sv);
			return 125;
		}
		start_local(sv);
	}
}

/* --rm: whoever holds the lock is removing it already. */
static void remove_if_wanted(struct supervisor *sv)
{
	if (sv->remove && flock(sv->c->dir, LOCK_EX | LOCK_NB) == 0 &&
	    container_delete(sv->c, NULL) == 0)
		record_event(sv, "remove", NULL);
}

static void supervisor_done(struct supervisor *sv)
{
	terminal_restore(&sv->terminal);
	clients_done(sv);
	give_signals_back(sv);
	spec_done(&sv->own_spec);
}

/* The user left: a child goes on as supervisor, and we go back to the shell. */
static int hand_over(struct supervisor *sv, struct error *err)
{
	int ready[2];
	char byte;
	detach_local(sv);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid < 0)
		return error_sys(err, -pid, "cannot go to the background");
	if (pid > 0) { /* until it is out of reach of our terminal, and known as the supervisor */
		fd_close(ready[1]);
		IGNORE_RESULT(fd_read_all(ready[0], &byte, 1) < 0);
		fd_close(ready[0]);
		return 0;
	}
	(void)setsid();
	if (fd_close(0), fd_close(1), fd_close(2), fd_sanitize_stdio() < 0)
		_exit(1);
	if (record_adopted(sv, NULL) < 0)
		record_event(sv, "state-lost", NULL);
	fd_close(ready[0]);
	fd_close(ready[1]);
	int status = run_lives(sv);
	remove_if_wanted(sv);
	_exit(status < 0 ? 0 : status);
}

int supervise(struct container *c, const struct supervisor_options *opt, int *ret_exit,
	      struct error *err)
{
	struct supervisor sv = {
		.c = c,
		.opt = opt,
		.live = LIVE_NONE,
		.signals = FD_NONE,
		.terminal = TERMINAL_NONE,
	};
	relay_init(&sv.relay);
	int r = take_signals(&sv, err);
	if (r == 0)
		r = bring_up(&sv, true, err);
	if (r < 0) {
		take_down(&sv);
		if (opt->leader)
			leader_orphaned(&sv);
		supervisor_done(&sv);
		return r;
	}
	struct cgroup_place before = { .n = 0 };
	if (opt->leader) /* as soon as we have told that all is ready it may be moved */
		cgroup_place_of(sv.live.cg, sv.live.job.pid, &before);
	announce(&sv);
	if (opt->leader && (r = leader_wait(&sv, &before, err)) < 0) {
		take_down(&sv);
		leader_missing(&sv);
		supervisor_done(&sv);
		return r;
	}
	if (opt->foreground)
		start_local(&sv);
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
