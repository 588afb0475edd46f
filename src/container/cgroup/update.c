/* SPDX-License-Identifier: Apache-2.0 */
/* update.c - limits changed while the container runs: all of them, or none. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup/device.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/member.h"
#include "container/cgroup/precheck.h"

#define MAX_ROUNDS 100

/*
 * Moves all processes of the container into a group that was made now. What a process forks meanwhile
 * is in the group of its parent, so it is done when the list stays the same.
 */
static int move_in(const struct cgroup *cg, const struct group *g)
{
	pid_t *before = NULL;
	size_t n_before = 0;
	int r = 0;
	for (unsigned round = 0; round < MAX_ROUNDS; round++) {
		pid_t *pids = NULL;
		size_t n = 0;
		r = cgroup_pids(cg, &pids, &n);
		bool same = r == 0 && round > 0 && n == n_before &&
			    (n == 0 || !memcmp(pids, before, n * sizeof(*pids)));
		for (size_t i = 0; r == 0 && !same && i < n; i++) {
			r = group_attach(g, pids[i]);
			if (r == -ESRCH)
				r = 0;
		}
		free(before);
		before = pids;
		n_before = n;
		if (r < 0 || same)
			break;
	}
	free(before);
	return r;
}

/* The way back: into the base of that hierarchy, where they came from. */
static void move_out(const struct group *g)
{
	const char *below = hierarchy_base(g->h);
	CLEANUP_STR char *base = xasprintf("%s%s", g->h->mount, below ? below : "");
	struct group to = { .fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	pid_t *pids = NULL;
	size_t n = 0;
	if (to.fd >= 0 && group_pids(g, &pids, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (group_attach(&to, pids[i]) < 0)
				continue; /* it ended */
	free(pids);
	fd_close(to.fd);
}

static void drop_new(struct cgroup *cg, size_t n_before)
{
	while (cg->n > n_before) {
		struct group *g = &cg->groups[cg->n - 1];
		move_out(g);
		(void)group_remove(g, 0);
		group_done(g);
		cg->n--;
	}
}

static int move_all(const struct cgroup *cg, size_t n_before, struct error *err)
{
	for (size_t i = n_before; i < cg->n; i++) {
		int r = n_before > 0 ? move_in(cg, &cg->groups[i]) : -EOPNOTSUPP;
		if (r == 0)
			continue;
		error_sys(err, -r,
			  "cannot move the container's processes into a new control group");
		return error_object(err, "%s", cg->groups[i].dir);
	}
	return 0;
}

int cgroup_update(struct cgroup *cg, const struct spec_resources *res, struct error *err)
{
	CLEANUP_SETTINGS struct settings settings = { 0 };
	struct limits_place place = limits_place_here(false, cgroup_fd(cg));
	struct error local = ERROR_INIT;
	size_t n_before = cg->n;
	int r = limits_plan(res, &place, &settings, &local);
	if (r == 0)
		r = cgroup_add_for(cg, &settings, &local);
	if (r == 0)
		r = precheck_settings(&settings, cg, false, res->memory.check_before_update.v,
				      &local);
	if (r == 0)
		r = settings_apply(&settings, cg, true, &local);
	if (r == 0)
		r = move_all(cg, n_before, &local);
	if (r == 0 && res->n_devices > 0) { /* last: the kernel exchanges the rules in one step */
		size_t n_moved = cg->n;
		r = device_apply(cg, false, res->devices, res->n_devices, &local);
		if (r == 0)
			r = move_all(cg, n_moved, &local);
	}
	if (r == 0)
		return 0;
	settings_undo(&settings, cg);
	drop_new(cg, n_before);
	if (err)
		*err = local;
	return r;
}
