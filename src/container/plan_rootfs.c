/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_rootfs.c - see plan_rootfs.h. Order of the operations: the spec's mounts as given, then device
 * nodes (into whatever is at /dev by then), links, then masks and read-only paths, last the views
 * of /proc, whose making others wait for.
 */
#include "container/plan_rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/parse.h"

#define CONTROL_INSIDE "/run/contexe/container"

static struct mount_op *push(struct plan *p)
{
	struct mount_op *op = arena_push(&p->arena, p->rootfs.ops, p->rootfs.n_ops);
	op->userns_fd = -EBADF;
	op->source_fd = -EBADF;
	return op;
}

/* What kind of operation a mount of the spec is, by its type and options. */
static enum mount_kind kind_of(const struct spec_mount *m)
{
	if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2"))
		return MOUNT_CGROUP;
	if (str_eq(m->type, "bind"))
		return MOUNT_BIND;
	for (size_t i = 0; i < m->options.n; i++)
		if (str_eq(m->options.v[i], "bind") || str_eq(m->options.v[i], "rbind"))
			return MOUNT_BIND;
	return MOUNT_FS;
}

static int plan_mount(struct plan *p, const struct plan_context *ctx, size_t i, struct error *err)
{
	const struct spec_mount *m = &p->spec->mounts[i];
	enum mount_kind kind = kind_of(m);

	if (kind == MOUNT_CGROUP && ctx->cgroup_tree && !*ctx->cgroup_tree)
		return 0; /* no group of our own, so nothing of it to show */
	struct mount_op *op = push(p);
	int r = mount_options_parse(&p->arena, (const char *const *)m->options.v, m->options.n, op,
				    err);
	if (r < 0)
		return error_object(err, "mount %s", m->destination);
	if (kind == MOUNT_BIND && op->data && *op->data) {
		error_set(err, EINVAL, "'%s' is no option of a bind mount", op->data);
		error_object(err, "mount %s", m->destination);
		return error_hint(err, "ro, rw, nosuid, nodev, noexec, rslave, ...: see mount(8)");
	}
	op->kind = kind;
	op->destination = m->destination;
	op->source = m->source;
	op->type = m->type;
	if (kind == MOUNT_CGROUP) {
		op->type = ctx->cgroup_tree ? "tree" : "v2";
		op->data = ctx->cgroup_tree;
		op->optional = true;
	}
	return 0;
}

static mode_t device_type(const char *type)
{
	return type[0] == 'b' ? S_IFBLK : type[0] == 'p' ? S_IFIFO : S_IFCHR;
}

static void plan_devices(struct plan *p)
{
	const struct spec_linux *l = &p->spec->linux_;

	for (size_t i = 0; i < l->n_devices; i++) {
		const struct spec_device *d = &l->devices[i];
		struct mount_op *op = push(p);
		op->kind = MOUNT_DEVICE;
		op->destination = d->path;
		op->mode =
			device_type(d->type) | (d->mode.set ? (mode_t)(d->mode.v & 07777) : 0666);
		op->dev = makedev((unsigned)d->major, (unsigned)d->minor);
		op->uid = d->uid.set ? (uid_t)d->uid.v : 0;
		op->gid = d->gid.set ? (gid_t)d->gid.v : 0;
	}
}

static void plan_default_dev(struct plan *p)
{
	static const struct {
		const char *path;
		unsigned minor;
		unsigned major;
	} nodes[] = {
		{ "/dev/null", 3, 1 },	 { "/dev/zero", 5, 1 },	   { "/dev/full", 7, 1 },
		{ "/dev/random", 8, 1 }, { "/dev/urandom", 9, 1 }, { "/dev/tty", 0, 5 },
	};
	static const struct {
		const char *path, *target;
	} links[] = {
		{ "/dev/fd", "/proc/self/fd" },	      { "/dev/stdin", "/proc/self/fd/0" },
		{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
		{ "/dev/core", "/proc/kcore" },	      { "/dev/ptmx", "pts/ptmx" },
	};
	bool own_dev = false;
	for (size_t i = 0; i < p->rootfs.n_ops; i++)
		if (p->rootfs.ops[i].kind == MOUNT_FS &&
		    str_eq(p->rootfs.ops[i].destination, "/dev"))
			own_dev = true;
	if (!own_dev)
		return; /* the caller brought a /dev: its nodes are the caller's */
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct mount_op *op = push(p);
		op->kind = MOUNT_DEVICE;
		op->destination = nodes[i].path;
		op->mode = S_IFCHR | 0666;
		op->dev = makedev(nodes[i].major, nodes[i].minor);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		struct mount_op *op = push(p);
		op->kind = MOUNT_SYMLINK;
		op->destination = links[i].path;
		op->source = links[i].target;
		op->optional = true;
	}
}

static void plan_paths(struct plan *p, const struct strings *paths, enum mount_kind kind)
{
	for (size_t i = 0; i < paths->n; i++) {
		struct mount_op *op = push(p);
		op->kind = kind;
		op->destination = paths->v[i];
		op->optional = true;
	}
}

/*
 * The container's own /proc files, over the kernel's. A /proc without any mask is there to make another one from, in a
 * container within: the kernel allows that only where nothing lies over its files, so it is left alone unless asked for.
 */
static void plan_views(struct plan *p)
{
	const char *mode = p->spec->contexe.proc_view;
	bool insist = str_eq(mode, "on"), own_proc = false;

	for (size_t i = 0; i < p->rootfs.n_ops; i++) {
		const struct mount_op *op = &p->rootfs.ops[i];
		own_proc = own_proc || (op->kind == MOUNT_FS && str_eq(op->type, "proc") &&
					str_eq(op->destination, "/proc"));
	}
	if (!own_proc || !(insist || (str_eq(mode, "auto") && p->spec->linux_.masked_paths.n)))
		return;
	struct mount_op *op = push(p);
	op->kind = MOUNT_VIEWS;
	op->destination = "/proc";
	op->optional = !insist;
	p->views = true;
}

static int plan_layers(struct plan *p, const struct plan_context *ctx, struct error *err)
{
	const struct spec *s = p->spec;
	struct rootfs_plan *r = &p->rootfs;

	r->root = s->root_path;
	r->views_mnt = -EBADF;
	r->readonly = s->root_readonly;
	r->overlay = s->contexe.overlay;
	r->userns =
		(p->unshare & CLONE_NEWUSER) || p->joins_user || !ctx->privileged || ctx->in_userns;
	r->cwd = p->cwd;
	r->mount_label = s->linux_.mount_label;
	r->lower = (const char **)s->contexe.lower.v;
	r->n_lower = s->contexe.lower.n;
	if (r->overlay) { /* also when it is read-only in the end: mount points are made in it */
		r->upper = arena_printf(&p->arena, "%s/upper", ctx->dir);
		r->work = arena_printf(&p->arena, "%s/work", ctx->dir);
	}
	if (!r->root) {
		error_set(err, EINVAL, "no root file system is named");
		return error_object(err, "/root/path");
	}
	for (size_t i = 0; i < s->contexe.submounts.n; i++)
		*arena_push(&p->arena, r->submounts, r->n_submounts) = s->contexe.submounts.v[i];
	static const struct {
		const char *name;
		uint64_t flags;
	} propagation[] = {
		{ "shared", MS_SHARED },	 { "rshared", MS_SHARED | MS_REC },
		{ "slave", MS_SLAVE },		 { "rslave", MS_SLAVE | MS_REC },
		{ "private", MS_PRIVATE },	 { "rprivate", MS_PRIVATE | MS_REC },
		{ "unbindable", MS_UNBINDABLE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(propagation); i++)
		if (str_eq(s->linux_.rootfs_propagation, propagation[i].name))
			r->propagation = propagation[i].flags;
	return 0;
}

/*
 * The file that tells a process of which container it is. Not in the specification: its server need not be there the
 * next time. A root that is not private is left as it is.
 */
static void plan_control(struct plan *p, const struct plan_context *ctx)
{
	const struct spec_contexe *x = &p->spec->contexe;
	if (!ctx->control || !(x->overlay || str_eq(x->rootfs, "host")))
		return;
	struct mount_op *op = push(p);
	op->kind = MOUNT_BIND;
	op->destination = CONTROL_INSIDE;
	op->source = arena_strdup(&p->arena, ctx->control);
	op->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	op->optional = true;
}

int plan_rootfs(struct plan *p, const struct plan_context *ctx, struct error *err)
{
	const struct spec_linux *l = &p->spec->linux_;
	int r = plan_layers(p, ctx, err);

	for (size_t i = 0; i < p->spec->n_mounts && r == 0; i++)
		r = plan_mount(p, ctx, i, err);
	if (r < 0)
		return r;
	plan_default_dev(p);
	plan_devices(p);
	plan_control(p, ctx);
	plan_paths(p, &l->readonly_paths, MOUNT_READONLY);
	plan_paths(p, &l->masked_paths, MOUNT_MASK);
	plan_views(p);
	return 0;
}
