/* SPDX-License-Identifier: Apache-2.0 */
/* end.c - containers come to an end: kill, stop, wait, remove. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "container/cgroup/cgroup.h"
#include "engine/container.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "sys/signame.h"

#define STOP_TIMEOUT_S	10
#define KILL_TIMEOUT_MS 10000

static void note(struct container *c, const char *type, int sig)
{
	char extra[48], name[16];
	(void)snprintf(extra, sizeof(extra), "\"signal\":\"%s\"",
		       signame_format(sig, name, sizeof(name)));
	event_write(c->root, type, c->name, c->number, c->has_state ? c->state.id : NULL,
		    sig ? extra : NULL);
}

static int kill_all(struct container *c, int sig, struct error *err)
{
	struct cgroup *cg;
	pid_t *pids = NULL;
	size_t n = 0;
	int r = container_cgroup(c, &cg, err);
	if (r < 0)
		return r;
	if (sig == SIGKILL) {
		r = cgroup_kill(cg, err);
	} else {
		r = cgroup_pids(cg, &pids, &n);
		for (size_t i = 0; i < n; i++)
			if (pids[i] != c->init.pid || !pidref_is_set(&c->job) ||
			    c->job.pid == c->init.pid)
				(void)kill(pids[i], sig);
		free(pids);
	}
	cgroup_free(cg);
	return r;
}

static void thaw(struct container *c)
{
	struct cgroup *cg;
	if (c->now == CONTEXE_PAUSED && container_cgroup(c, &cg, NULL) == 0) {
		IGNORE_RESULT(cgroup_freeze(cg, false, 1000, NULL));
		cgroup_free(cg);
	}
}

/* A signal for the job. One that was paused gets it when it is resumed, but for KILL. */
static int kill_job(struct container *c, int sig, struct error *err)
{
	int r = pidref_kill(&c->job, sig);
	if (r == -ESRCH) {
		error_set(err, ESRCH, "its program has ended");
		return error_object(err, "%s", c->name);
	}
	return r < 0 ? error_sys(err, -r, "the kernel refused the signal") : 0;
}

int contexe_kill(struct contexe *cx, const char *ref, int sig, bool all,
		 struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	if (sig < 1 || sig > SIGNAME_MAX)
		return error_set(err, EINVAL, "%d is no signal", sig);
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_KILL, c->name, err);
	if (r == 0)
		r = all ? kill_all(c, sig, err) : kill_job(c, sig, err);
	if (r == 0 && sig == SIGKILL)
		thaw(c); /* pid 1 must tell the end */
	if (r == 0)
		note(c, "kill", sig);
	return r < 0 ? error_what(err, "cannot send the signal") : 0;
}

/* The processes first, then the supervisor with its clean-up. -ETIMEDOUT. */
static int wait_ended(struct container *c, int timeout_ms)
{
	struct pidref *who[] = { &c->init, &c->supervisor };
	uint64_t end =
		timestamp_now_monotonic() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000;
	for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
		if (!pidref_is_set(who[i]) || pidref_open(who[i]) < 0)
			continue;
		for (;;) {
			uint64_t now = timestamp_now_monotonic();
			int left = timeout_ms < 0 ? -1
				   : now >= end	  ? 0
						  : (int)((end - now) / 1000000) + 1;
			struct pollfd p = { .fd = who[i]->pidfd, .events = POLLIN };
			int n = poll(&p, 1, left);
			if (n > 0)
				break;
			if (n == 0)
				return -ETIMEDOUT;
			if (errno != EINTR)
				return -errno;
		}
	}
	return 0;
}

int contexe_wait(struct contexe *cx, const char *ref, int timeout_ms, int *ret_status,
		 struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, err);
	if (r < 0)
		return r;
	/* a supervisor tells the end, even of a container that is removed with it */
	CLEANUP_FD int sock = c->supervised ? control_connect(c->dir) : FD_NONE;
	if (sock >= 0 && control_send(sock, CTL_WAIT, 0, 0, NULL, 0) == 0) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		struct ctl_msg msg;
		int n;
		do {
			n = poll(&p, 1, timeout_ms);
		} while (n < 0 && errno == EINTR);
		if (n == 0)
			return error_set(err, ETIMEDOUT, "it goes on after the time to wait");
		if (control_recv(sock, &msg, NULL, 0, 0) >= 0 && msg.type == CTL_EXIT) {
			*ret_status = status_to_exit(msg.value);
			return 0;
		}
	}
	r = wait_ended(c, timeout_ms);
	if (r == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "it goes on after the time to wait");
	container_refresh(c);
	if (!c->has_state || !c->state.wait_status.set) {
		error_set(err, ENOENT, "how it ended is not known");
		return error_object(err, "%s", c->name);
	}
	*ret_status = status_to_exit(c->state.wait_status.v);
	return 0;
}

/* From now on its end is wanted: no restart. */
static void announce_end(struct container *c, bool by_user)
{
	if (c->supervised)
		IGNORE_RESULT(control_request(c->dir, CTL_STOPPING, by_user, 0, NULL));
}

/* SIGKILL to pid 1 takes everything with it; what is only in the groups goes with them. */
static int kill_now(struct container *c, struct error *err)
{
	struct cgroup *cg;
	thaw(c);
	if (container_cgroup(c, &cg, NULL) == 0) {
		if (cgroup_populated(cg))
			IGNORE_RESULT(cgroup_kill(cg, NULL));
		cgroup_free(cg);
	}
	if (pidref_is_set(&c->init))
		IGNORE_RESULT(pidref_kill(&c->init, SIGKILL));
	if (wait_ended(c, KILL_TIMEOUT_MS) < 0) {
		error_set(err, EBUSY, "its processes do not end although they were killed");
		error_object(err, "%s", c->name);
		return error_hint(
			err,
			"one may hang in the kernel (state D in 'contexe ps'); try again later");
	}
	return 0;
}

static int stop_signal(const struct container *c, int *ret_timeout_s)
{
	struct spec CLEANUP_SPEC spec = { 0 };
	int sig = SIGTERM;
	if (container_spec(c, &spec, NULL) < 0)
		return sig;
	if (spec.contexe.stop_signal)
		sig = signame_parse(spec.contexe.stop_signal);
	if (*ret_timeout_s < 0 && spec.contexe.stop_timeout.set)
		*ret_timeout_s = (int)spec.contexe.stop_timeout.v;
	return sig > 0 ? sig : SIGTERM;
}

/* Without a supervisor nobody writes the end down or removes the groups: we do, holding the lock. */
static void clean_up_orphan(struct container *c, bool by_user)
{
	struct cgroup *cg;
	if (c->supervised || container_lock(c, 1000, NULL) < 0)
		return;
	if (c->has_state && c->now == CONTEXE_EXITED && !str_eq(c->state.status, "exited")) {
		if (container_cgroup(c, &cg, NULL) == 0) {
			IGNORE_RESULT(cgroup_kill(cg, NULL));
			IGNORE_RESULT(cgroup_remove(cg, 2000, NULL));
			cgroup_free(cg);
		}
		c->state.status = "exited";
		c->state.cgroup = NULL;
		c->state.finished = timestamp_now();
		c->state.stopped = by_user;
		IGNORE_RESULT(state_write(c->dir, &c->state, NULL));
	} else if (c->has_state && c->now == CONTEXE_EXITED && by_user && !c->state.stopped) {
		/* it had ended before, but from now on it shall stay so */
		c->state.stopped = true;
		IGNORE_RESULT(state_write(c->dir, &c->state, NULL));
	}
	container_unlock(c);
}

static int stop(struct contexe *cx, const char *ref, int timeout_s, bool by_user, struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_STOP, c->name, err);
	if (r < 0 && r != -EALREADY)
		return error_what(err, "cannot stop the container");
	announce_end(c, by_user);
	if (r == -EALREADY) {
		if (c->supervised) /* it waits for its next restart */
			IGNORE_RESULT(pidref_kill(&c->supervisor, SIGTERM));
		IGNORE_RESULT(wait_ended(c, KILL_TIMEOUT_MS));
		container_refresh(c);
		clean_up_orphan(c, by_user);
		return 0;
	}
	int sig = stop_signal(c, &timeout_s);
	if (timeout_s < 0)
		timeout_s = STOP_TIMEOUT_S;
	note(c, "stop", sig);
	if (timeout_s > 0) {
		if (kill_job(c, sig, NULL) == 0)
			thaw(c);
		r = wait_ended(c, timeout_s > 2000000 ? -1 : timeout_s * 1000);
	} else {
		r = -ETIMEDOUT;
	}
	if (r == -ETIMEDOUT)
		r = kill_now(c, err);
	clean_up_orphan(c, by_user);
	return r < 0 ? error_what(err, "cannot stop the container") : 0;
}

int contexe_stop(struct contexe *cx, const char *ref, int timeout_s, struct contexe_error *err)
{
	return stop(cx, ref, timeout_s, true, api_error(err));
}

int contexe_shutdown(struct contexe *cx, const char *ref, int timeout_s, struct contexe_error *err)
{
	return stop(cx, ref, timeout_s, false, api_error(err));
}

/*
 * A container whose state cannot be read may still run. Who listens on its socket is its supervisor (unix(7),
 * SO_PEERCRED), and that one's only child is pid 1.
 */
static void find_lost(struct container *c)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	char path[48], line[64];
	int64_t pid;
	CLEANUP_FD int sock = c->has_state ? FD_NONE : control_connect(c->dir);
	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 ||
	    pidref_from_pid(cred.pid, &c->supervisor) < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", cred.pid, cred.pid);
	if (file_read_line(AT_FDCWD, path, line, sizeof(line)) <= 0)
		return;
	line[strcspn(line, " ")] = '\0';
	if (parse_i64(line, 2, INT32_MAX, &pid) == 0 && pidref_from_pid((pid_t)pid, &c->init) < 0)
		c->init = PIDREF_NONE;
}

/* Everything of it that lives outside its directory. */
static int remove_live(struct container *c, struct error *err)
{
	struct cgroup *cg;
	find_lost(c);
	announce_end(c, false);
	if (c->now == CONTEXE_EXITED && c->supervised)
		IGNORE_RESULT(pidref_kill(&c->supervisor, SIGTERM));
	int r = kill_now(c, err);
	if (r < 0)
		return r;
	container_refresh(c);
	if (container_cgroup(c, &cg, NULL) == 0) {
		IGNORE_RESULT(cgroup_kill(cg, NULL));
		r = cgroup_remove(cg, KILL_TIMEOUT_MS, err);
		cgroup_free(cg);
	} else if (!c->has_state || !str_eq(c->state.status, "exited")) {
		char id[160];
		cgroup_purge(container_group_id(c, id, sizeof(id)));
	}
	return r;
}

int contexe_remove(struct contexe *cx, const char *ref, bool force,
		   struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = container_lock(c, KILL_TIMEOUT_MS, err);
	if (r == 0)
		r = lifecycle_check(c->now, force ? EVENT_REMOVE_FORCE : EVENT_REMOVE, c->name,
				    err);
	if (r == 0)
		r = remove_live(c, err);
	if (r == 0)
		r = container_delete(c, err);
	if (r < 0)
		return error_what(err, "cannot remove the container");
	note(c, "remove", 0);
	root_empty_trash(cx->root);
	return 0;
}
