/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - what changes while a container runs: pause, resume, limits, restart policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "container/cgroup/cgroup.h"
#include "engine/container.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "engine/options.h"
#include "engine/restart.h"

#define LOCK_TIMEOUT_MS	  10000
#define FREEZE_TIMEOUT_MS 10000

static int freeze(struct contexe *cx, const char *ref, bool on, struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	struct cgroup *cg;
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = container_lock(c, LOCK_TIMEOUT_MS, err);
	if (r == 0)
		r = lifecycle_check(c->now, on ? EVENT_PAUSE : EVENT_RESUME, c->name, err);
	if (r == -EALREADY)
		return 0;
	if (r == 0)
		r = container_cgroup(c, &cg, err);
	if (r < 0)
		return r;
	r = cgroup_freeze(cg, on, FREEZE_TIMEOUT_MS, err);
	cgroup_free(cg);
	if (r == 0)
		event_write(cx->root, on ? "pause" : "resume", c->name, c->number, c->state.id,
			    NULL);
	return r;
}

int contexe_pause(struct contexe *cx, const char *ref, struct contexe_error *err)
{
	int r = freeze(cx, ref, true, api_error(err));
	return r < 0 ? error_what(api_error(err), "cannot pause the container") : 0;
}

int contexe_resume(struct contexe *cx, const char *ref, struct contexe_error *err)
{
	int r = freeze(cx, ref, false, api_error(err));
	return r < 0 ? error_what(api_error(err), "cannot resume the container") : 0;
}

/* Only these can be changed: what bounds it, and how it lives on. */
static bool may_change(const struct option_row *row)
{
	return !strcmp(row->pub.group, "Limits") || !strcmp(row->pub.name, "restart");
}

static int read_changes(struct contexe_spec *s, const char *const *options,
			const char *const *values, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct option_row *row = option_find(options[i]);
		if (!row || !may_change(row)) {
			error_set(err, EINVAL, "this cannot be changed while a container lives");
			error_object(err, "--%s", options[i]);
			return error_hint(err, "limits and the restart policy can");
		}
		int r = contexe_spec_set(s, options[i], values[i], (struct contexe_error *)err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The same changes go into the configuration, for the next start. */
static int write_changes(struct container *c, const char *const *options, const char *const *values,
			 size_t n, struct error *err)
{
	struct contexe_spec *stored = contexe_spec_new();
	int r = container_spec(c, &stored->spec, err);
	if (r == 0) {
		for (size_t i = 0; i < n && r == 0; i++)
			r = option_find(options[i])->set(stored, values[i], err);
		if (r == 0)
			r = container_write_spec(c, &stored->spec, err);
		contexe_spec_free(stored);
	} else {
		free(stored);
	}
	return r;
}

static int apply_policy(struct container *c, const struct contexe_spec *s, struct error *err)
{
	enum restart_policy policy;
	unsigned max;
	/* one that waits for its next start reads what is written down then */
	if (!s->spec.contexe.restart || !c->supervised || !pidref_is_set(&c->init))
		return 0;
	int r = restart_parse(s->spec.contexe.restart, &policy, &max, err);
	if (s->spec.contexe.restart_max.set)
		max = (unsigned)s->spec.contexe.restart_max.v;
	return r < 0 ? r : control_request(c->dir, CTL_POLICY, (int)policy, (int)max, err);
}

static int apply_limits(struct container *c, const struct contexe_spec *s, struct error *err)
{
	struct cgroup *cg;
	if (!pidref_is_set(&c->init))
		return 0;
	int r = container_cgroup(c, &cg, err);
	if (r < 0)
		return r;
	r = cgroup_update(cg, &s->spec.linux_.resources, err);
	if (r == 0) { /* an update may have added groups */
		CLEANUP_BUF struct buf text = BUF_INIT;
		cgroup_describe(cg, &text);
		c->state.cgroup = arena_strdup(&c->state.arena, buf_str(&text));
		r = state_write(c->dir, &c->state, err);
		if (r == 0 && c->supervised)
			r = control_request(c->dir, CTL_REGROUP, 0, 0, err);
	}
	cgroup_free(cg);
	return r;
}

int contexe_update(struct contexe *cx, const char *ref, const char *const *options,
		   const char *const *values, size_t n, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	struct contexe_spec *changes = contexe_spec_new();
	int r = read_changes(changes, options, values, n, err);
	if (r == 0)
		r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = container_lock(c, LOCK_TIMEOUT_MS, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_UPDATE, c->name, err);
	if (r == 0)
		r = apply_limits(c, changes, err);
	if (r == 0)
		r = apply_policy(c, changes, err);
	if (r == 0)
		r = write_changes(c, options, values, n, err);
	if (r == 0)
		event_write(cx->root, "update", c->name, c->number, c->state.id, NULL);
	contexe_spec_free(changes);
	return r < 0 ? error_what(err, "cannot update the container") : 0;
}
