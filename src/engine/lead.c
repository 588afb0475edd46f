/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lead.c - contexe_lead(): a container gets a process that exists already as its leader, its pseudo init. See
 * contexe.h; what the process does to come in is in lead_program.h.
 *
 *   we                          supervisor (outside)       the leader
 *   seize it                                               waits in a system call, or runs
 *   fork ------------------->   builds; contexe-init is there, without a job
 *       <-- BUILT
 *   ask it to stop
 *   answer() ------------------------------------------->  its call ends, it stops on the way out
 *   into the control groups; the program runs in it -----> namespaces, root, walls
 *   GO --------------------->   event "start"
 *   let it go ------------------------------------------>  goes on, in the container
 *
 * What can fail is done before answer(), as far as it can be; afterwards its call can still be made to fail, since it is
 * stopped. When we die in between, the supervisor ends the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "container/cgroup/cgroup.h"
#include "container/ns/ns.h"
#include "container/sync.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "engine/lead_program.h"
#include "engine/lifecycle.h"
#include "engine/making.h"
#include "engine/options.h"
#include "engine/supervisor.h"
#include "proc/process.h"

#define LOCK_TIMEOUT_MS 10000
#define STOP_TIMEOUT_MS 10000

struct lead {
	struct contexe *cx;
	struct container *c;
	bool is_new;
	struct pidref who;
	struct tracee leader;
	struct spec spec;
	struct security security;
	struct cgroup *cg;
	struct cgroup_place place;
	char cwd[PATH_MAX];
	int sock; /* to the supervisor */
};

/* ---- who ---- */

static int refuse(struct error *err, int e, const char *why, const char *hint, const char *name)
{
	error_set(err, e, "%s%s", why, name ? name : "");
	return error_hint(err, "%s", hint);
}

static int check_leader(struct lead *l, pid_t pid, struct error *err)
{
	struct proc_process p;
	CLEANUP_STR char *name = NULL;
	unsigned number = 0;
	int r = proc_read(pid, &p);
	if (r < 0)
		return error_sys(err, -r, "there is no such process");
	if (p.tgid != pid)
		return refuse(err, EINVAL, "it is a thread of a process that has others",
			      "let the only thread of a process do it", NULL);
	if (p.threads != 1)
		return refuse(err, EINVAL, "it has threads, and only a single one can enter",
			      "setns(2) takes a process into a mount namespace only alone", NULL);
	r = pidref_from_pid(pid, &l->who);
	if (r < 0)
		return error_sys(err, -r, "there is no such process");
	r = contexe_whose(l->cx, pid, &name, &number, (struct contexe_error *)err);
	if (r < 0)
		return r;
	if (number)
		return refuse(err, EOPNOTSUPP, "it is of a container already: ",
			      "one within a container is made by an engine in there", name);
	if (p.pidns && p.pidns != proc_ns_inode(0, "pid"))
		return refuse(err, EOPNOTSUPP, "it is in another pid namespace than the engine",
			      "run the engine in there", NULL);
	return 0;
}

static int catch_leader(struct lead *l, pid_t pid, struct error *err)
{
	char path[48];
	(void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	ssize_t n = readlink(path, l->cwd, sizeof(l->cwd) - 1);
	(void)snprintf(l->cwd + (n > 0 ? n : 0), 2, "%s", n > 0 ? "" : "/");
	return tracee_catch(pid, &l->leader, err);
}

/* ---- its container ---- */

static void describe_as_led(struct contexe_spec *cs, pid_t leader)
{
	struct spec *s = &cs->spec;
	CLEANUP_BUF struct buf line = BUF_INIT;
	s->contexe.init = "leader";
	s->contexe.log = "none";
	s->process.terminal = false;
	if (leader)
		proc_cmdline(leader, &line);
	cs->command.n = 0; /* for people: nothing is executed */
	strings_add(&s->arena, &cs->command, line.len ? buf_str(&line) : "(its leader)");
}

static int keep_state(struct container *c, struct error *err)
{
	c->state.led = true;
	c->state.status = "exited";
	return state_write(c->dir, &c->state, err);
}

int contexe_make(struct contexe *cx, struct contexe_spec *spec, char **ret_name,
		 struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	describe_as_led(spec, 0);
	int r = making_begin(cx, spec, &c, err);
	if (r == 0)
		r = container_write_spec(c, &spec->spec, err);
	if (r == 0)
		r = keep_state(c, err);
	if (r < 0) {
		making_undo(c);
		return error_what(err, "cannot make the container");
	}
	if (ret_name)
		*ret_name = xstrdup(c->name);
	return 0;
}

/* One that was made for a leader, and has none: 1. */
static int take_made(struct lead *l, const char *name, struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	if (!name || container_open(l->cx->root, name, &c, NULL) < 0 || !str_eq(c->name, name) ||
	    c->now != CONTEXE_EXITED || !c->state.led)
		return 0;
	int r = container_lock(c, LOCK_TIMEOUT_MS, err);
	if (r == 0 && c->now != CONTEXE_EXITED)
		return 0;
	if (r == 0)
		l->c = take_ptr(c);
	return r < 0 ? r : 1;
}

static int find_place(struct lead *l, struct contexe_spec *spec, struct error *err)
{
	int r = take_made(l, spec->name, err);
	if (r != 0)
		return r < 0 ? r : 0;
	describe_as_led(spec, l->who.pid);
	spec->spec.contexe.remove = true;
	l->is_new = true;
	r = making_begin(l->cx, spec, &l->c, err);
	return r < 0 ? r : container_write_spec(l->c, &spec->spec, err);
}

static int bring_up(struct lead *l, struct error *err)
{
	struct supervisor_options opt = { .report = FD_NONE, .leader = &l->who };
	CLEANUP_STR char *cache = root_path(l->cx->root, "cache");
	int r = container_spec(l->c, &l->spec, err);
	if (r == 0)
		r = security_prepare(&l->spec, cache, &l->spec.arena, &l->security, err);
	if (r == 0)
		r = supervise_led(l->c, &opt, &l->sock, err);
	if (r < 0)
		return r;
	container_refresh(l->c);
	if (!pidref_is_set(&l->c->init))
		return error_set(err, ECHILD, "the container ended at once");
	return l->c->state.cgroup ? container_cgroup(l->c, &l->cg, err) : 0;
}

/* ---- the entering ---- */

static uint64_t namespaces(const struct spec *s)
{
	uint64_t flags = 0;
	for (size_t i = 0; i < s->linux_.n_namespaces; i++) {
		const struct ns_kind *kind = ns_find(s->linux_.namespaces[i].type);
		flags |= kind ? kind->flag : 0;
	}
	return flags;
}

static int come_in(struct lead *l, struct error *err)
{
	const struct lead_entry entry = {
		.init = l->c->init.pid,
		.flags = namespaces(&l->spec),
		.cwd = l->cwd,
		.security = &l->security,
	};
	cgroup_place_of(l->cg, l->who.pid, &l->place);
	bool inside = false;
	int r = l->cg ? cgroup_attach(l->cg, l->who.pid, err) : 0;
	if (r == 0)
		r = lead_enter(&l->leader, &entry, &inside, err);
	if (r < 0 && inside) /* without its walls it may not go on */
		IGNORE_RESULT(pidref_kill(&l->who, SIGKILL));
	return r < 0 ? error_what(err, "cannot bring the process into the container") : 0;
}

/* Its system call ends, and it stops on its way out. */
static int take_hold(struct lead *l, int (*answer)(void *arg), void *arg, struct error *err)
{
	int r = tracee_ask(&l->leader, err);
	if (r < 0)
		return r;
	int answered = answer ? answer(arg) : 0;
	if (answered < 0)
		return error_sys(err, -answered, "it does not wait any more");
	return tracee_await(&l->leader, STOP_TIMEOUT_MS, err);
}

static int enter(struct lead *l, int (*answer)(void *arg), void *arg, struct error *err)
{
	struct error unheard = ERROR_INIT;
	int r = take_hold(l, answer, arg, err);
	if (r < 0)
		return r;
	r = come_in(l, err);
	if (r == 0) {
		/* a supervisor that was killed just now is replaced when one is needed */
		IGNORE_RESULT(sync_send(l->sock, SYNC_GO, 0, FD_NONE));
		cgroup_place_done(&l->place);
	} else {
		cgroup_put_back(&l->place, l->who.pid);
		if (answer)
			IGNORE_RESULT(tracee_answer(&l->leader, r, &unheard));
	}
	bool stop = l->leader.held_stop;
	IGNORE_RESULT(tracee_detach(&l->leader, 0, &unheard));
	if (stop)
		IGNORE_RESULT(pidref_kill(&l->who, SIGSTOP));
	return r;
}

/* ---- the whole ---- */

/* The supervisor takes down what it has built, and tells by end of file that it is done. */
static void give_up(struct lead *l)
{
	char byte;
	if (l->sock < 0) {
		if (l->is_new)
			making_undo(l->c);
		return;
	}
	(void)shutdown(l->sock, SHUT_WR);
	while (recv(l->sock, &byte, sizeof(byte), 0) > 0)
		;
}

static void lead_done(struct lead *l)
{
	tracee_free(&l->leader);
	pidref_done(&l->who);
	cgroup_free(l->cg);
	spec_done(&l->spec);
	fd_close(l->sock);
	container_close(&l->c);
}

int contexe_lead(struct contexe *cx, struct contexe_spec *spec, pid_t leader,
		 int (*answer)(void *arg), void *arg, char **ret_name,
		 struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct lead l = { .cx = cx, .who = PIDREF_NONE, .sock = FD_NONE };
	int r = check_leader(&l, leader, err);
	if (r == 0)
		r = catch_leader(&l, leader, err);
	if (r == 0)
		r = find_place(&l, spec, err);
	if (r == 0)
		r = bring_up(&l, err);
	if (r == 0)
		r = enter(&l, answer, arg, err);
	if (r < 0) {
		error_what(err, "cannot make the process the init of a container");
		error_object(err, "process %d", (int)leader);
		options_blame(spec, err);
		give_up(&l);
	} else if (ret_name) {
		*ret_name = xstrdup(l.c->name);
	}
	lead_done(&l);
	return r;
}
