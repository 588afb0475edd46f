/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.c - what the tree stands on: a clone of a directory, an overlay of directories, and for --host
 * an overlay of / with one more for each mount below it.
 */
#include "container/rootfs/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "sys/mountfd.h"

/* The open directories of one overlay. */
struct layers {
	int *lower;
	size_t n_lower;
	int upper, work;
};

static void layers_done(struct layers *l)
{
	for (size_t i = 0; i < l->n_lower; i++)
		fd_close(l->lower[i]);
	free(l->lower);
	fd_close(l->upper);
	fd_close(l->work);
}

static struct layers layers_new(const struct rootfs_plan *plan)
{
	return (struct layers){ .lower = xcalloc(plan->n_lower + 1, sizeof(int)),
				.upper = FD_NONE,
				.work = FD_NONE };
}

static int layers_add(struct layers *l, int dir, struct error *err)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_sys(err, errno, "cannot keep the layer open");
	l->lower[l->n_lower++] = fd;
	return 0;
}

static int open_dir(const char *path, const char *role, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int r = error_sys(err, errno, "cannot open the %s directory", role);
	error_object(err, "%s", path);
	return r;
}

static bool is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	int entries = 0;

	if (!d) {
		fd_close(fd);
		return false;
	}
	while (entries <= 2 && readdir(d))
		entries++;
	(void)closedir(d);
	return entries <= 2; /* "." and ".." */
}

/*
 * The root directory of an overlay shows mode and owner of its upper directory: a fresh one must look
 * like what it covers, or /tmp would not be 1777. Where that may not be done it is left.
 */
static void upper_adopt(int upper, int lower)
{
	struct stat have, want;
	if (fstat(upper, &have) < 0 || fstat(lower, &want) < 0)
		return;
	if (have.st_mode == want.st_mode && have.st_uid == want.st_uid &&
	    have.st_gid == want.st_gid)
		return;
	if (!is_empty(upper))
		return;
	CLEANUP_FD int fd = openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fchown(fd, want.st_uid, want.st_gid) == 0)
		(void)fchmod(fd, want.st_mode & 07777);
}

/* In the id-mapped mount of the private layers' directory they have the same names. */
static int open_private(const struct rootfs_plan *plan, const char *path, const char *role,
			struct error *err)
{
	if (!plan->mapped || plan->mapped->private < 0)
		return open_dir(path, role, err);
	const char *slash = strrchr(path, '/');
	int fd = openat(plan->mapped->private, slash ? slash + 1 : path,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int r = error_sys(err, errno, "cannot open the %s directory", role);
	error_object(err, "%s", path);
	return r;
}

static int open_upper(const struct rootfs_plan *plan, struct layers *l, const char *upper,
		      const char *work, struct error *err)
{
	l->upper = open_private(plan, upper, "upper", err);
	if (l->upper < 0)
		return l->upper;
	l->work = open_private(plan, work, "work", err);
	if (l->work < 0)
		return l->work;
	upper_adopt(l->upper, l->lower[0]);
	return 0;
}

/* A directory, or file, as a mount of its own over itself: what an overlay of one layer would be. */
static int attach_clone(int source, int at, unsigned flags, struct error *err)
{
	CLEANUP_FD int mnt = sys_open_tree(source, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | flags);
	if (mnt < 0)
		return error_sys(err, -mnt, "cannot clone the directory");
	int r = destination_attach(mnt, at, err);
	return r < 0 ? r : take_fd(&mnt);
}

static int attach_readonly(int source, int at, bool recursive, struct error *err)
{
	CLEANUP_FD int mnt = attach_clone(source, at, recursive ? AT_RECURSIVE : 0, err);
	if (mnt < 0)
		return mnt;
	struct attr_change ro = { .set = MOUNT_ATTR_RDONLY,
				  .propagation = MS_PRIVATE,
				  .recursive = recursive };
	int r = attr_apply(mnt, &ro);
	return r < 0 ? error_sys(err, -r, "cannot make it read-only") : take_fd(&mnt);
}

/* An overlay of these layers; one layer without an upper directory is no overlay (EINVAL) but a bind. */
static int attach_layers(const struct rootfs_plan *plan, const struct layers *l, int at,
			 struct error *err)
{
	if (l->upper < 0 && l->n_lower == 1)
		return attach_readonly(l->lower[0], at, false, err);
	struct overlay o = {
		.lower = l->lower,
		.n_lower = l->n_lower,
		.upper = l->upper,
		.work = l->work,
		.userns = plan->userns,
		.label = plan->mount_label,
	};
	return overlay_attach(&o, at, err);
}

/* Opens the layers above the root, once for the root and all submounts. */
static int open_lower(struct tree *t, struct error *err)
{
	const struct rootfs_mapped *mapped = t->plan->mapped;
	for (size_t i = 0; i < t->plan->n_lower; i++) {
		int fd = mapped ? fcntl(mapped->lower[i], F_DUPFD_CLOEXEC, 0)
				: open_dir(t->plan->lower[i], "layer", err);
		if (fd < 0)
			return mapped ? error_sys(err, errno, "cannot keep the layer open") : fd;
		t->lower[t->n_lower++] = fd;
	}
	return 0;
}

/* Puts a copy of a layer into a directory of the tmpfs, and the copy in its place. */
static int copy_layer(struct tree *t, size_t i, int tmpfs, struct error *err)
{
	char name[24];
	(void)snprintf(name, sizeof(name), "%zu", i);
	int r = mkdirat(tmpfs, name, 0755) < 0 ? -errno : 0;
	CLEANUP_FD int copy = openat(tmpfs, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && copy < 0)
		r = -errno;
	if (r == 0)
		r = copyup_tree(t->lower[i], copy);
	if (r == 0)
		r = copyup_metadata(t->lower[i], copy);
	if (r < 0) {
		r = error_sys(err, -r, "cannot copy the layer");
		error_object(err, "%s", t->plan->lower[i]);
		return r;
	}
	fd_close(t->lower[i]);
	t->lower[i] = take_fd(&copy);
	return 0;
}

/*
 * No layer may lie inside another (ELOOP), and below / they all do: with the host as the lowest one, those
 * above it (small: what is hidden or replaced) are copied to a tmpfs. It is attached, since older
 * kernels take no layer that is not, to the place where the overlay will cover it; and is gone with the old
 * root. Descriptor of the place to attach the overlay to.
 */
static int move_layers_off_host(struct tree *t, int at, struct error *err)
{
	struct fs_request req = { .type = "tmpfs", .data = "mode=0700" };
	CLEANUP_FD int tmpfs = fs_make(&req, err);
	if (tmpfs < 0)
		return tmpfs;
	int r = destination_attach(tmpfs, at, err);
	for (size_t i = 0; r == 0 && i < t->n_lower; i++)
		r = copy_layer(t, i, tmpfs, err);
	return r < 0 ? r : take_fd(&tmpfs);
}

static int attach_overlay_root(struct tree *t, int at, struct error *err)
{
	const struct rootfs_plan *plan = t->plan;
	CLEANUP(layers_done) struct layers l = layers_new(plan);
	CLEANUP_FD int stage = FD_NONE;
	CLEANUP_FD int tmpfs = FD_NONE;

	int r = plan->mapped ? stage = stage_layers(plan, at, err) : 0;
	int place = stage >= 0 ? stage : at;
	if (r >= 0)
		r = open_lower(t, err);
	if (r == 0 && t->n_lower && (str_eq(plan->root, "/") || plan->n_submounts)) {
		r = tmpfs = move_layers_off_host(t, place, err);
		place = tmpfs;
	}
	for (size_t i = 0; r >= 0 && i < t->n_lower; i++)
		r = layers_add(&l, t->lower[i], err);
	if (r >= 0)
		r = layers_add(&l, plan->mapped ? plan->mapped->root : at, err);
	if (r >= 0 && plan->upper)
		r = open_upper(plan, &l, plan->upper, plan->work, err);
	return r < 0 ? r : attach_layers(plan, &l, place, err);
}

/* What was cloned and mapped outside. */
static int attach_mapped(const struct rootfs_mapped *mapped, int at, struct error *err)
{
	CLEANUP_FD int root = fcntl(mapped->root, F_DUPFD_CLOEXEC, 0);
	if (root < 0)
		return error_sys(err, errno, "cannot keep the root open");
	int r = destination_attach(root, at, err);
	return r < 0 ? r : take_fd(&root);
}

/*
 * The clone is private, so that nothing mounted in the container shows on the host, unless the container
 * wants to hear of mounts on the host (MS_SLAVE), which does not go the other way either.
 */
static int attach_directory_root(const struct rootfs_plan *plan, int at, struct error *err)
{
	CLEANUP_FD int root = plan->mapped ? attach_mapped(plan->mapped, at, err)
					   : attach_clone(at, at, AT_RECURSIVE, err);
	if (root < 0 || (plan->propagation & MS_SLAVE))
		return take_fd(&root);
	struct attr_change change = { .propagation = MS_PRIVATE, .recursive = true };
	int r = attr_apply(root, &change);
	return r < 0 ? error_sys(err, -r, "cannot make the root private") : take_fd(&root);
}

int layer_attach_root(struct tree *t, struct error *err)
{
	const struct rootfs_plan *plan = t->plan;
	CLEANUP_FD int at = open_dir(plan->root, "root", err);
	/* mapped, it need not be within our reach: any place will do */
	if (at == -EACCES && plan->mapped) {
		error_clear(err);
		at = open_dir("/", "root", err);
	}
	if (at < 0) {
		(void)error_hint(err, "unpack an image there, or name another root");
		return at;
	}
	int root = plan->overlay ? attach_overlay_root(t, at, err)
				 : attach_directory_root(plan, at, err);
	if (root < 0)
		error_object(err, "%s", plan->root);
	return root;
}

/* The layers of one mount below the host's root: what the layers above have at that path, then itself. */
static int submount_layers(const struct tree *t, size_t i, int host, struct layers *l,
			   struct error *err)
{
	const struct rootfs_plan *plan = t->plan;

	for (size_t k = 0; k < t->n_lower; k++) {
		int fd = inroot_open(t->lower[k], plan->submounts[i], O_PATH | O_DIRECTORY);
		if (fd >= 0)
			l->lower[l->n_lower++] = fd;
	}
	int r = layers_add(l, host, err);
	if (r < 0 || !plan->upper)
		return r;
	CLEANUP_STR char *upper = xasprintf("%s.sub%zu", plan->upper, i);
	CLEANUP_STR char *work = xasprintf("%s.sub%zu", plan->work, i);
	return open_upper(plan, l, upper, work, err);
}

static int attach_submount_overlay(const struct tree *t, size_t i, int host, int at,
				   struct error *err)
{
	CLEANUP(layers_done) struct layers l = layers_new(t->plan);
	int r = submount_layers(t, i, host, &l, err);
	return r < 0 ? r : attach_layers(t->plan, &l, at, err);
}

static int attach_submount(const struct tree *t, size_t i, struct error *err)
{
	const char *path = t->plan->submounts[i];
	struct stat st;

	const struct rootfs_mapped *mapped = t->plan->mapped;
	CLEANUP_FD int host = mapped && mapped->submounts[i] >= 0
				      ? fcntl(mapped->submounts[i], F_DUPFD_CLOEXEC, 0)
				      : open(path, O_PATH | O_CLOEXEC);
	if (host < 0 || fstat(host, &st) < 0)
		return error_sys(err, errno, "cannot open the mount point on the host");
	CLEANUP_FD int at = inroot_open(t->root, path, O_PATH);
	if (at == -ENOENT)
		return 0; /* a layer above hides it */
	if (at < 0)
		return error_sys(err, -at, "cannot open the mount point in the container");
	CLEANUP_FD int mnt = -EINVAL;
	if (S_ISDIR(st.st_mode))
		mnt = attach_submount_overlay(t, i, host, at, err);
	if (mnt == -EINVAL) { /* a file, or a file system that is not fit to be a layer */
		error_clear(err);
		/* in a user namespace what is mounted below is locked, and comes along */
		mnt = attach_readonly(host, at, t->plan->userns, err);
	}
	return mnt < 0 ? mnt : 0;
}

int layer_attach_submounts(const struct tree *t, struct error *err)
{
	for (size_t i = 0; i < t->plan->n_submounts; i++) {
		int r = attach_submount(t, i, err);
		if (r < 0) {
			error_object(err, "%s", t->plan->submounts[i]);
			return r;
		}
	}
	return 0;
}
