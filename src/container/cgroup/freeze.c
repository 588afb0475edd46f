/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze.c - all processes of a container stand still, by cgroup.freeze (v2, Linux 5.2) or the v1 freezer.
 *
 * A task that cannot be stopped now (in an uninterruptible wait on v1, say a vfork parent) delays it: v2
 * tells when it is done, v1 must be asked, and asking makes it try again.
 */
#include "container/cgroup/freeze.h"

#include <string.h>

#include "base/file.h"
#include "container/cgroup/watch.h"

static int set_v2(const struct group *g, bool freeze, uint64_t deadline)
{
	int r = file_write(g->fd, "cgroup.freeze", freeze ? "1" : "0");
	return r < 0 ? r : watch_event(g->fd, "frozen", freeze, deadline);
}

static int set_v1(const struct group *g, bool freeze, uint64_t deadline)
{
	const char *wanted = freeze ? "FROZEN" : "THAWED";
	uint64_t sleep = 0;
	for (;;) {
		char state[32];
		int r = file_write(g->fd, "freezer.state", wanted);
		if (r < 0)
			return r;
		ssize_t n = file_read_line(g->fd, "freezer.state", state, sizeof(state));
		if (n < 0)
			return (int)n;
		if (!strcmp(state, wanted))
			return 0;
		if (!watch_backoff(&sleep, deadline))
			return -ETIMEDOUT;
	}
}

int freeze_set(const struct cgroup *cg, bool freeze, uint64_t deadline)
{
	const struct group *g = cgroup_group_v2(cg);
	if (g)
		return set_v2(g, freeze, deadline);
	g = cgroup_group_v1(cg, CTL_FREEZER);
	return g ? set_v1(g, freeze, deadline) : -EOPNOTSUPP;
}

int cgroup_freeze(const struct cgroup *cg, bool freeze, unsigned timeout_ms, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	int r = freeze_set(cg, freeze, watch_deadline(timeout_ms));
	if (r == 0)
		return 0;
	const struct group *g = cgroup_group_main(cg);
	const char *what = freeze ? "freeze" : "thaw";
	if (r == -EOPNOTSUPP || r == -ENOENT) {
		error_set(err, EOPNOTSUPP, "there is no freezer here to %s the container with",
			  what);
		return error_hint(err, "mount cgroup2 (Linux 5.2 or newer) or the v1 controller "
				       "freezer, writable");
	}
	if (r != -ETIMEDOUT) {
		error_sys(err, -r, "cannot %s the control group", what);
		return error_object(err, "%s", g->dir);
	}
	if (freeze)
		(void)freeze_set(cg, false, 0);
	error_set(err, ETIMEDOUT, "not all processes did %s within %u ms", what, timeout_ms);
	error_object(err, "%s", g->dir);
	return error_hint(err, freeze ? "one of them may wait for a device or a file server (state "
					"D in ps); nothing is frozen now"
				      : "a group above it may be frozen");
}

bool cgroup_frozen(const struct cgroup *cg)
{
	const struct group *g = cgroup_group_v2(cg);
	if (g) {
		uint64_t frozen = 0;
		return watch_read_key(g->fd, "cgroup.events", "frozen", &frozen) == 0 && frozen;
	}
	char state[32];
	g = cgroup_group_v1(cg, CTL_FREEZER);
	return g && file_read_line(g->fd, "freezer.state", state, sizeof(state)) > 0 &&
	       !strcmp(state, "FROZEN");
}
