/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - a container's groups: made and removed.
 *
 * The road of creation without limits is two system calls: mkdir and open of the v2 group.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/cgroup/device.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/precheck.h"
#include "container/cgroup/watch.h"

#define NAME_PREFIX "contexe-"

/* ---- names ---- */

static int set_names(struct cgroup *cg, const char *id, const char *path, struct error *err)
{
	if (!path || !*path) {
		cg->name = xasprintf(NAME_PREFIX "%s", id);
		if (*id && !strchr(id, '/'))
			return 0;
		error_set(err, EINVAL, "\"%s\" cannot be the name of a control group", id);
		return error_object(err, "%s", id);
	}
	if (group_clean_path(path, &cg->rel_path) < 0) {
		error_set(err, EINVAL, "that cannot be the path of a control group");
		error_object(err, "%s", path);
		return error_hint(err,
				  "give a path below the root, without \"..\", as in /slice/name");
	}
	if (path[0] != '/') { /* OCI: a relative one is from where the runtime likes */
		cg->name = xstrdup(cg->rel_path + 1);
		free(take_ptr(cg->rel_path));
		cg->shared_path = true;
	}
	return 0;
}

/* ---- create ---- */

static int add_v1(struct cgroup *cg, unsigned controllers, struct error *err)
{
	const struct layout *l = layout_get();
	for (unsigned i = 0; i < N_CONTROLLERS; i++) {
		const struct hierarchy *h = layout_v1(l, i);
		if (!(controllers & CTL_BIT(i)) || !h)
			continue;
		int r = cgroup_add_group(cg, h, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_add_for(struct cgroup *cg, const struct settings *s, struct error *err)
{
	unsigned v2 = settings_controllers(s, true);
	int r = v2 ? group_enable(cgroup_group_v2(cg), v2, err) : 0;
	return r < 0 ? r : add_v1(cg, settings_controllers(s, false), err);
}

static int create_main(struct cgroup *cg, struct error *err)
{
	const struct layout *l = layout_get();
	const struct hierarchy *h = layout_v2(l);
	if (!h)
		h = layout_v1(l, CTL_FREEZER);
	return h ? cgroup_add_group(cg, h, err) : 0;
}

static int create_all(struct cgroup *cg, const struct spec_resources *res, struct error *err)
{
	CLEANUP_SETTINGS struct settings settings = { 0 };
	struct limits_place place = limits_place_here(true, FD_NONE);
	int r = res ? limits_plan(res, &place, &settings, err) : 0;
	if (r == 0)
		r = create_main(cg, err);
	if (r == 0)
		r = cgroup_add_for(cg, &settings, err);
	if (r == 0)
		r = precheck_settings(&settings, cg, true, false, err);
	if (r == 0)
		r = settings_apply(&settings, cg, false, err);
	if (r == 0 && res && (cg->n > 0 || cgroup_layout() != CGROUP_NONE))
		r = device_apply(cg, true, res->devices, res->n_devices, err);
	return r;
}

int cgroup_create(const char *id, const char *path, const struct spec_resources *res,
		  struct cgroup **ret, struct error *err)
{
	struct error local = ERROR_INIT; /* create_all() asks it what was told */
	struct cgroup *cg = xcalloc(1, sizeof(*cg));
	int r = set_names(cg, id, path, &local);
	if (r == 0)
		r = create_all(cg, res, &local);
	if (r == 0) {
		*ret = cg;
		return 0;
	}
	int left UNUSED = cgroup_remove(cg, 0, NULL); /* the first error is what is told */
	cgroup_free(cg);
	if (err)
		*err = local;
	return r;
}

void cgroup_purge(const char *id)
{
	const struct layout *l = layout_get();
	struct cgroup cg = { .name = xasprintf(NAME_PREFIX "%s", id) };
	for (size_t i = 0; i < l->n; i++) {
		const char *base = hierarchy_base(&l->h[i]);
		if (!base)
			continue;
		CLEANUP_STR char *dir = xasprintf("%s%s/%s", l->h[i].mount, base, cg.name);
		if (access(dir, F_OK) == 0)
			IGNORE_RESULT(cgroup_add_group(&cg, &l->h[i], NULL));
	}
	if (cg.n > 0) {
		IGNORE_RESULT(cgroup_kill(&cg, NULL));
		IGNORE_RESULT(cgroup_remove(&cg, 2000, NULL));
	}
	for (size_t i = 0; i < cg.n; i++)
		group_done(&cg.groups[i]);
	free(cg.name);
}

int cgroup_set_devices(struct cgroup *cg, const struct spec_resources *res, struct error *err)
{
	if (!cg || (cg->n == 0 && cgroup_layout() == CGROUP_NONE))
		return 0;
	return device_apply(cg, true, res->devices, res->n_devices, err);
}

/* ---- remove ---- */

static int still_used(const struct cgroup *cg, const struct group *g, int errnum, struct error *err)
{
	error_sys(err, errnum, "cannot remove the control group");
	error_object(err, "%s", g->dir);
	pid_t *pids = NULL;
	size_t n = 0;
	if (errnum == EBUSY && cgroup_pids(cg, &pids, &n) == 0 && n > 0) {
		error_set(err, EBUSY, "%zu processes are still in the control group, pid %d first",
			  n, (int)pids[0]);
		error_object(err, "%s", g->dir);
		error_hint(err, "end them first; one that SIGKILL does not end waits for a device "
				"or a file server");
	}
	free(pids);
	return -errnum;
}

int cgroup_remove(const struct cgroup *cg, unsigned timeout_ms, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	uint64_t deadline = watch_deadline(timeout_ms);
	int first = 0;
	for (size_t i = 0; i < cg->n; i++) {
		const struct group *g = &cg->groups[i];
		int r = group_remove(g, deadline);
		if (r < 0 && first == 0)
			first = still_used(cg, g, -r, err);
	}
	return first;
}
