/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - containers come into being: run, create, start, and what they would do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "container/net/netns.h"
#include "engine/bringup.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "engine/making.h"
#include "engine/options.h"
#include "engine/prepare.h"
#include "engine/supervisor.h"

#define LOCK_TIMEOUT_MS 10000

/* Who it is, before it has any process. */
static void first_state(struct container *c)
{
	struct state *s = &c->state;
	*s = (struct state){ .version = 1 };
	s->id = arena_strdup(&s->arena, c->id);
	s->name = arena_strdup(&s->arena, c->name);
	s->number = c->number;
	s->status = "created";
	s->created = timestamp_now();
	c->has_state = true;
}

/* Directory and configuration; removed again by the caller if what follows fails. */
int making_begin(struct contexe *cx, struct contexe_spec *spec, struct container **ret,
		 struct error *err)
{
	int r = container_make(cx->root, spec->name, spec->number, ret, err);
	if (r < 0)
		return r;
	first_state(*ret);
	r = prepare_spec(cx->root, spec, *ret, err);
	if (r == 0 && spec->spec.contexe.join.n) /* else the supervisor does, meanwhile */
		r = container_write_spec(*ret, &spec->spec, err);
	if (r == 0)
		event_write(cx->root, "create", (*ret)->name, (*ret)->number, (*ret)->state.id,
			    NULL);
	return r;
}

/* What failed to start never existed. The supervisor may have let go of the lock by then. */
void making_undo(struct container *c)
{
	struct error ignored;
	if (!c)
		return;
	if (container_delete(c, &ignored) == 0)
		event_write(c->root, "remove", c->name, c->number, c->state.id, NULL);
}

int contexe_run(struct contexe *cx, struct contexe_spec *spec, unsigned flags, int *ret_status,
		char **ret_name, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	bool detach = flags & CONTEXE_RUN_DETACH;
	CLEANUP(netns_done) struct netns netns;

	netns_init(&netns);
	if (!detach && prepare_wants_netns(cx->root, spec))
		netns_begin(&netns);
	int r = making_begin(cx, spec, &c, err);
	if (r == 0) {
		if (ret_name)
			*ret_name = xstrdup(c->name);
		struct supervisor_options opt = {
			.foreground = !detach,
			.report = FD_NONE,
			.spec = &spec->spec,
			.netns = &netns,
		};
		r = detach ? supervise_detached(c, &opt, err) : supervise(c, &opt, ret_status, err);
		if (r == 0 && detach)
			*ret_status = 0;
	}
	if (r < 0) {
		error_what(err, "cannot run the container");
		options_blame(spec, err);
		making_undo(c);
		if (ret_name && c) {
			free(*ret_name);
			*ret_name = NULL;
		}
	}
	return r;
}

int contexe_create(struct contexe *cx, struct contexe_spec *spec, char **ret_name,
		   struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = making_begin(cx, spec, &c, err);
	struct supervisor_options opt = { .wait_start = true,
					  .report = FD_NONE,
					  .spec = &spec->spec };
	if (r == 0)
		r = supervise_detached(c, &opt, err);
	if (r < 0) {
		error_what(err, "cannot create the container");
		options_blame(spec, err);
		making_undo(c);
		return r;
	}
	if (ret_name)
		*ret_name = xstrdup(c->name);
	return 0;
}

int contexe_plan(struct contexe *cx, struct contexe_spec *spec, char **ret_text,
		 struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct plan plan CLEANUP_PLAN = { 0 };
	int r = prepare_spec(cx->root, spec, NULL, err);
	if (r == 0)
		r = prepare_joins(cx->root, &spec->spec, err);
	CLEANUP_STR char *dir =
		xasprintf("%s/containers/%s", cx->root->path, spec->name ? spec->name : "cont_N");
	if (r == 0)
		r = bringup_plan(cx->root, dir, &spec->spec, NULL, &plan, err);
	if (r < 0) {
		options_blame(spec, err);
		return r;
	}
	struct buf out = BUF_INIT;
	plan_print(&plan, &out);
	*ret_text = buf_take(&out);
	return 0;
}

int contexe_start(struct contexe *cx, const char *ref, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = container_lock(c, LOCK_TIMEOUT_MS, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_START, c->name, err);
	if (r < 0)
		return error_what(err, "cannot start the container");
	if (c->now == CONTEXE_CREATED) {
		r = control_request(c->dir, CTL_START, 0, 0, err);
		int status;
		if (r < 0) /* it is over then: let that be written down */
			IGNORE_RESULT(contexe_wait(cx, ref, 5000, &status, NULL));
		return r < 0 ? error_what(err, "cannot start the container") : 0;
	}
	if (c->state.led) {
		error_set(err, ENOEXEC, "it has no program of its own: a process outside leads it");
		error_hint(err, "write its name to the control file, see contexe-fs(1)");
		error_object(err, "%s", c->name);
		return error_what(err, "cannot start the container");
	}
	if (c->supervised) {
		error_set(err, EBUSY, "it is about to be started again by its restart policy");
		error_object(err, "%s", c->name);
		return error_what(err, "cannot start the container");
	}
	r = supervise_detached(c, &(struct supervisor_options){ .report = FD_NONE }, err);
	if (r < 0) {
		error_what(err, "cannot start the container");
		error_object(err, "%s", c->name);
	}
	return r;
}
