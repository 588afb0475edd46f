/* SPDX-License-Identifier: Apache-2.0 */
/* group.c - see group.h. */
#include "container/cgroup/group.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "container/cgroup/walk.h"
#include "container/cgroup/watch.h"

#define PATH_LIMIT 3072

struct group *cgroup_group_main(const struct cgroup *cg)
{
	return cg->n > 0 ? (struct group *)&cg->groups[0] : NULL;
}

struct group *cgroup_group_v2(const struct cgroup *cg)
{
	struct group *g = cgroup_group_main(cg);
	return g && g->h->v2 ? g : NULL;
}

struct group *cgroup_group_v1(const struct cgroup *cg, enum controller ctl)
{
	for (size_t i = 0; i < cg->n && ctl < N_CONTROLLERS; i++)
		if (cg->groups[i].h->controllers & CTL_BIT(ctl))
			return (struct group *)&cg->groups[i];
	return NULL;
}

/* ---- the bundle ---- */

void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < cg->n; i++)
		group_done(&cg->groups[i]);
	free(cg->rel_path);
	free(cg->name);
	free(cg);
}

int cgroup_fd(const struct cgroup *cg)
{
	const struct group *g = cgroup_group_v2(cg);
	return g ? g->fd : FD_NONE;
}

int cgroup_each_v1(const struct cgroup *cg,
		   int (*fn)(void *arg, const char *controllers, const char *dir), void *arg)
{
	for (size_t i = 0; i < cg->n; i++) {
		int r = cg->groups[i].h->v2 ? 0
					    : fn(arg, cg->groups[i].h->names, cg->groups[i].dir);
		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- one group ---- */

int group_clean_path(const char *path, char **ret)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_STR char *copy = xstrdup(path);
	char *save, *part;
	for (part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (!strcmp(part, ".."))
			return -EINVAL;
		if (strcmp(part, "."))
			buf_printf(&out, "/%s", part);
	}
	if (out.len == 0 || out.len > PATH_LIMIT)
		return -EINVAL;
	*ret = buf_take(&out);
	return 0;
}

void group_done(struct group *g)
{
	fd_close(g->fd);
	free(g->dir);
	*g = (struct group){ .fd = FD_NONE };
}

/* ---- making ---- */

/* A v1 cpuset begins empty and takes no process until it has both: it gets what the parent has. */
static int inherit_cpuset(const char *dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP_STR char *from = xasprintf("%s/../%s", dir, files[i]);
		CLEANUP_STR char *to = xasprintf("%s/%s", dir, files[i]);
		CLEANUP_BUF struct buf text = BUF_INIT;
		int r = file_read(AT_FDCWD, from, 1 << 16, &text);
		if (r == 0)
			r = file_write(AT_FDCWD, to, buf_str(&text));
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_one(const struct hierarchy *h, const char *dir)
{
	if (mkdir(dir, 0755) < 0)
		return -errno;
	int r = h->controllers & CTL_BIT(CTL_CPUSET) ? inherit_cpuset(dir) : 0;
	if (r < 0)
		(void)rmdir(dir);
	return r;
}

static void remove_parents(const struct group *g)
{
	CLEANUP_STR char *dir = xstrdup(g->dir);
	for (unsigned left = g->made; left > 0;) {
		*strrchr(dir, '/') = '\0';
		if (rmdir(dir) == 0)
			left--;
		else if (errno != ENOENT)
			return; /* somebody else's group is in it */
	}
}

/* Makes the missing parents of g->dir, counting them. */
static int make_parents(struct group *g)
{
	CLEANUP_STR char *dir = xstrdup(g->dir);
	for (char *p = dir + strlen(g->h->mount) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		int r = make_one(g->h, dir);
		if (r == 0)
			g->made++;
		else if (r != -EEXIST)
			return r;
		*p = '/';
	}
	return 0;
}

/*
 * A group of that name is there. One that nobody uses is replaced, because it may have been killed by
 * cgroup.kill, after which newer kernels kill whatever is cloned into it. What lies below it is removed
 * only where the name was made from ours (a path may be anybody's).
 */
static int remake(struct group *g, bool ours, struct error *err)
{
	bool gone = ours ? group_remove(g, 0) == 0 : rmdir(g->dir) == 0;
	if (gone)
		return make_one(g->h, g->dir);
	error_set(err, EEXIST, "a control group of that name exists and is in use");
	error_object(err, "%s", g->dir);
	return error_hint(err, "choose another name, or end what runs in it (its cgroup.procs "
			       "lists the processes)");
}

static int make(struct group *g, bool ours, struct error *err)
{
	int r = make_one(g->h, g->dir);
	if (r == -EEXIST)
		r = remake(g, ours, err);
	if (r == -ENOENT) {
		r = make_parents(g);
		if (r == 0)
			r = make_one(g->h, g->dir);
	}
	if (r == 0 || (err && err->err))
		return r;
	error_sys(err, -r, "cannot make the control group");
	error_object(err, "%s", g->dir);
	if (r == -EACCES || r == -EPERM || r == -EROFS)
		error_hint(err, "run as root, or in a group that was delegated to you "
				"(systemd-run --user --scope -p Delegate=yes)");
	else if (r == -EAGAIN)
		error_hint(err, "cgroup.max.descendants or cgroup.max.depth of a group above it "
				"is reached");
	return r;
}

int cgroup_add_group(struct cgroup *cg, const struct hierarchy *h, struct error *err)
{
	for (size_t i = 0; i < cg->n; i++)
		if (cg->groups[i].h == h)
			return 0;
	struct group *g = &cg->groups[cg->n];
	*g = (struct group){ .h = h, .fd = FD_NONE };
	g->dir = cg->rel_path ? xasprintf("%s%s", h->mount, cg->rel_path)
			      : xasprintf("%s%s/%s", h->mount, hierarchy_base(h), cg->name);
	int r = make(g, !cg->rel_path && !cg->shared_path, err);
	if (r < 0) {
		remove_parents(g);
		group_done(g);
		return r;
	}
	cg->n++;
	g->fd = open(g->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (g->fd >= 0)
		return 0;
	error_sys(err, errno, "cannot open the control group");
	return error_object(err, "%s", g->dir);
}

/* ---- controllers of v2 ---- */

static const struct {
	int err;
	const char *hint;
} enable_hints[] = {
	{ EBUSY, "that group has processes of its own and may then not limit groups below it: move "
		 "them into one below first (D=that group; mkdir $D/rest; for p in $(cat "
		 "$D/cgroup.procs); do echo $p >$D/rest/cgroup.procs; done)" },
	{ ENOENT, "the groups above do not hand it down: add it to their cgroup.subtree_control "
		  "(systemd: Delegate=cpu cpuset io memory pids)" },
	{ EACCES, "run as root, or have the group delegated to you (systemd: Delegate=yes)" },
	{ EPERM, "run as root, or have the group delegated to you (systemd: Delegate=yes)" },
	{ EROFS, "the control groups are mounted read-only here" },
	{ EINVAL, "the cpu controller cannot be switched on while real-time processes run outside "
		  "the root group" },
	{ EOPNOTSUPP, "that group is threaded or below a threaded one" },
};

static int enable_failed(const char *dir, enum controller ctl, int errnum, struct error *err)
{
	error_sys(err, errnum, "cannot switch on the controller %s", controller_name(ctl, true));
	error_object(err, "%s/cgroup.subtree_control", dir);
	for (size_t i = 0; i < ARRAY_SIZE(enable_hints); i++)
		if (enable_hints[i].err == errnum)
			error_hint(err, "%s", enable_hints[i].hint);
	return -errnum;
}

/*
 * A group with processes of its own cannot give "domain" controllers (memory, io: EBUSY), and the others
 * (pids, cpu) only at the price of becoming threaded: then the groups below it would be invalid and take
 * no process at all. The root is free of that rule; it has no cgroup.type.
 */
static bool has_own_processes(const char *dir)
{
	CLEANUP_STR char *type = xasprintf("%s/cgroup.type", dir);
	CLEANUP_STR char *procs = xasprintf("%s/cgroup.procs", dir);
	char text[32];
	return access(type, F_OK) == 0 && file_read_line(AT_FDCWD, procs, text, sizeof(text)) != 0;
}

static int enable_one_level(const char *dir, unsigned controllers, struct error *err)
{
	CLEANUP_STR char *file = xasprintf("%s/cgroup.subtree_control", dir);
	char enabled[1024] = "";
	if (file_read_line(AT_FDCWD, file, enabled, sizeof(enabled)) > 0)
		controllers &= ~controller_mask(enabled);
	bool checked = false;
	for (unsigned i = 0; i < N_CONTROLLERS; i++) {
		if (!(controllers & CTL_BIT(i)))
			continue;
		if (!checked && has_own_processes(dir))
			return enable_failed(dir, i, EBUSY, err);
		checked = true;
		CLEANUP_STR char *text = xasprintf("+%s", controller_name(i, true));
		int r = file_write(AT_FDCWD, file, text);
		if (r < 0)
			return enable_failed(dir, i, -r, err);
	}
	return 0;
}

int group_enable(const struct group *g, unsigned controllers, struct error *err)
{
	if (controllers == 0)
		return 0;
	CLEANUP_STR char *dir = xstrdup(g->dir);
	const char *below = hierarchy_base(g->h);
	CLEANUP_STR char *base = xasprintf("%s%s/", g->h->mount, below ? below : "");
	size_t from = str_has_prefix(dir, base) ? strlen(base) - 1 : strlen(g->h->mount);
	for (char *p = dir + from; p; p = strchr(p + 1, '/')) {
		*p = '\0';
		int r = enable_one_level(dir, controllers, err);
		if (r < 0)
			return r;
		*p = '/';
	}
	return 0;
}

/* ---- removing ---- */

static int remove_child(void *arg UNUSED, int parent, const char *name)
{
	if (strcmp(name, "."))
		(void)unlinkat(parent, name, AT_REMOVEDIR); /* the parent's rmdir tells */
	return 0;
}

int group_remove(const struct group *g, uint64_t deadline)
{
	uint64_t sleep = 0;
	while (rmdir(g->dir) < 0 && errno != ENOENT) {
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		CLEANUP_FD int fd = open(g->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return -errno;
		(void)walk_groups(fd, true, remove_child, NULL);
		if (rmdir(g->dir) == 0 || errno == ENOENT)
			break;
		if (g->h->v2 && watch_event(fd, "populated", 0, deadline) == -ETIMEDOUT)
			return -EBUSY;
		if (rmdir(g->dir) == 0 || errno == ENOENT)
			break;
		if (!watch_backoff(&sleep, deadline))
			return -EBUSY;
	}
	remove_parents(g);
	return 0;
}
