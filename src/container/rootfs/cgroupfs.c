/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroupfs.c - MOUNT_CGROUP: the control groups as the container sees them. op->type is
 *
 *   "v2"    one cgroup2 mount at the destination;
 *   "tree"  a tmpfs with a directory for each hierarchy in op->data, separated by ";":
 *           "memory;cpu,cpuacct;name=systemd;unified". Each is a cgroup (v1) mount of these controllers,
 *           "unified" a cgroup2 mount. A name in a list of several becomes a symlink to the list.
 *
 * Inside a cgroup namespace these show the namespace's own root (cgroup_namespaces(7)). Read-only only
 * where op->attr_set says so; the tmpfs itself always is in the end.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"

/* Where the host has its cgroup2, for those who may not mount one. */
static const char *host_unified(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs st;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (statfs(places[i], &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

static int mount_v2(struct tree *t, const struct mount_op *op, struct error *err)
{
	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_DIR, err);
	if (at < 0)
		return at;
	struct fs_request req = { .type = "cgroup2", .source = "cgroup", .attr = op->attr_set };
	CLEANUP_FD int mnt = fs_make(&req, err);
	const char *host = mnt == -EPERM ? host_unified() : NULL;
	if (host) {
		error_clear(err);
		return bind_host(t, op, host, false, err);
	}
	return mnt < 0 ? mnt : destination_attach(mnt, at, err);
}

/* One hierarchy as a detached mount. */
static int make_hierarchy(const char *name, uint64_t attr, struct error *err)
{
	struct fs_request req = {
		.type = "cgroup", .source = "cgroup", .data = name, .attr = attr
	};
	CLEANUP_STR char *named = NULL;

	if (str_eq(name, "unified")) {
		req.type = "cgroup2";
		req.data = NULL;
	} else if (str_has_prefix(name, "name=")) {
		named = xasprintf("none,%s", name);
		req.data = named;
	}
	int mnt = fs_make(&req, err);
	if (mnt < 0)
		(void)error_hint(err, "does the host have the hierarchy \"%s\"?", name);
	return mnt;
}

/* "cpu,cpuacct": cpu and cpuacct are symlinks to it. */
static int link_names(int tmpfs, const char *list, struct error *err)
{
	for (const char *s = list; strchr(list, ',') && *s;) {
		size_t n = strcspn(s, ",");
		CLEANUP_STR char *name = xasprintf("%.*s", (int)n, s);
		int r = symlink_at(tmpfs, name, list, err);
		if (r < 0)
			return r;
		s += n;
		s += *s == ',';
	}
	return 0;
}

static int add_hierarchy(int tmpfs, const char *name, uint64_t attr, struct error *err)
{
	const char *dir = str_has_prefix(name, "name=") ? name + strlen("name=") : name;
	if (strchr(dir, '/') || !*dir || dir[0] == '.')
		return error_set(err, EINVAL, "\"%s\" is no name of a control group hierarchy",
				 name);
	CLEANUP_FD int mnt = make_hierarchy(name, attr, err);
	if (mnt < 0)
		return mnt;
	if (mkdirat(tmpfs, dir, 0755) < 0)
		return error_sys(err, errno, "cannot make a directory for \"%s\"", name);
	CLEANUP_FD int at = openat(tmpfs, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return error_sys(err, errno, "cannot open the directory for \"%s\"", name);
	int r = destination_attach(mnt, at, err);
	return r < 0 ? r : link_names(tmpfs, name, err);
}

static int mount_tree(struct tree *t, const struct mount_op *op, struct error *err)
{
	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_DIR, err);
	if (at < 0)
		return at;
	struct fs_request req = { .type = "tmpfs",
				  .source = "cgroup",
				  .data = "mode=0755,size=64k",
				  .attr = op->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY,
				  .label = t->plan->mount_label };
	CLEANUP_FD int tmpfs = fs_make(&req, err);
	if (tmpfs < 0)
		return tmpfs;
	int r = destination_attach(tmpfs, at, err);
	for (const char *s = op->data ? op->data : ""; r == 0 && *s;) {
		size_t n = strcspn(s, ";");
		CLEANUP_STR char *name = xasprintf("%.*s", (int)n, s);
		if (n > 0)
			r = add_hierarchy(tmpfs, name, op->attr_set, err);
		s += n;
		s += *s == ';';
	}
	if (r < 0)
		return r;
	struct attr_change ro = { .set = MOUNT_ATTR_RDONLY };
	r = attr_apply(tmpfs, &ro);
	return r < 0 ? error_sys(err, -r, "cannot make the directory read-only") : 0;
}

int cgroupfs_mount(struct tree *t, const struct mount_op *op, struct error *err)
{
	if (str_eq(op->type, "v2"))
		return mount_v2(t, op, err);
	if (str_eq(op->type, "tree"))
		return mount_tree(t, op, err);
	return error_set(err, EINVAL, "unknown layout of control groups \"%s\"",
			 op->type ? op->type : "");
}
