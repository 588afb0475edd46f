/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c - the order in which the tree is built, and how it becomes the root.
 *
 * The new root is attached to the directory plan->root before anything is mounted in it: older kernels
 * mount nothing on a mount that is attached nowhere, and hooks look for the tree there.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "sys/mountfd.h"

static void tree_done(struct tree *t)
{
	fd_close(t->root);
	destination_forget_parent(t);
	fd_close(t->null.fd);
	fd_close(t->empty.fd);
	while (t->n_late > 0)
		fd_close(t->late[--t->n_late]);
	free(t->late);
	while (t->n_lower > 0)
		fd_close(t->lower[--t->n_lower]);
	free(t->lower);
}

/* Modes are given as they shall be: no umask may take from them. */
static void umask_restore(mode_t *mask)
{
	(void)umask(*mask);
}

/*
 * The mount that holds plan->root, found by going up: its root is where STATX_ATTR_MOUNT_ROOT is
 * (Linux 5.8).
 */
static int open_mount_root(const char *path)
{
	CLEANUP_FD int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (;;) {
		struct statx st;
		if (dir < 0 || statx(dir, "", AT_EMPTY_PATH, 0, &st) < 0)
			return -errno;
		if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
			return take_fd(&dir);
		int up = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_close(dir);
		dir = up;
	}
}

/*
 * Nothing that is mounted from here on may show on the host. Mounts of the host still come in (slave), for
 * volumes that are to follow them. A container with a shared root keeps the host's peers for its
 * volumes; only the mount on which we build is cut off then.
 */
static int cut_propagation(const struct rootfs_plan *plan, struct error *err)
{
	if (!(plan->propagation & MS_SHARED)) {
		if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
			return error_sys(err, errno, "cannot cut mount propagation to the host");
		return 0;
	}
	CLEANUP_FD int parent = open_mount_root(plan->root);
	if (parent < 0) {
		int r = error_sys(err, -parent, "cannot open the root directory");
		error_object(err, "%s", plan->root);
		return r;
	}
	struct attr_change change = { .propagation = MS_PRIVATE };
	int r = attr_apply(parent, &change);
	return r < 0 ? error_sys(err, -r, "cannot cut mount propagation of the root") : 0;
}

static int run_ops(struct tree *t, struct error *err)
{
	for (size_t i = 0; i < t->plan->n_ops; i++) {
		int r = mount_op_run(t, &t->plan->ops[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_cwd(const struct tree *t, struct error *err)
{
	const char *cwd = t->plan->cwd;
	if (!cwd || !*cwd || str_eq(cwd, "/"))
		return 0;
	CLEANUP_FD int fd = inroot_mkdirs(t->root, cwd, 0755);
	if (fd >= 0)
		return 0;
	int r = error_sys(err, -fd, "cannot make the working directory");
	error_object(err, "%s", cwd);
	return r;
}

/* Mounts that are read-only but had to be built in until now. */
static int close_late(const struct tree *t, struct error *err)
{
	struct attr_change ro = { .set = MOUNT_ATTR_RDONLY };
	for (size_t i = 0; i < t->n_late; i++) {
		int r = attr_apply(t->late[i], &ro);
		if (r < 0)
			return error_sys(err, -r, "cannot make a tmpfs read-only");
	}
	return 0;
}

static int check_plan(const struct rootfs_plan *plan, struct error *err)
{
	if (!plan->root || !*plan->root)
		return error_set(err, EINVAL, "no root directory is given");
	if (!plan->upper != !plan->work)
		return error_set(err, EINVAL,
				 "an overlay needs both an upper and a work directory");
	return 0;
}

int rootfs_assemble(const struct rootfs_plan *plan, struct error *err)
{
	CLEANUP(umask_restore) mode_t mask UNUSED = umask(0);
	CLEANUP(tree_done)
	struct tree t = { .plan = plan,
			  .root = FD_NONE,
			  .parent = { .fd = FD_NONE },
			  .null = { .fd = FD_NONE },
			  .empty = { .fd = FD_NONE } };
	t.late = xcalloc(plan->n_ops + 1, sizeof(*t.late));
	t.lower = xcalloc(plan->n_lower + 1, sizeof(*t.lower));

	int r = check_plan(plan, err);
	if (r == 0)
		r = cut_propagation(plan, err);
	if (r == 0)
		r = t.root = layer_attach_root(&t, err);
	if (r >= 0)
		r = layer_attach_submounts(&t, err);
	if (r == 0)
		r = run_ops(&t, err);
	if (r == 0)
		r = make_cwd(&t, err);
	if (r == 0)
		r = close_late(&t, err);
	if (r < 0 && err && !*err->what)
		error_what(err, "cannot build the container's file tree");
	return r < 0 ? r : take_fd(&t.root);
}

/*
 * Unmounts what is at ".", the old root. A mount may be stacked on it (the layers of --host) and is what
 * "." means then; so each is taken off until "." itself is mounted nowhere (EINVAL).
 */
static int take_away(void)
{
	int n = 0;
	while (umount2(".", MNT_DETACH) == 0)
		n++;
	return n > 0 && errno == EINVAL ? 0 : -errno;
}

/*
 * The point of no return: the root becomes ".", the old root is stacked on the same place, and taken away
 * from there (pivot_root(2), "pivot_root(".", ".")").
 */
static int pivot(const struct rootfs_plan *plan, int root, struct error *err)
{
	CLEANUP_FD int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(root) < 0)
		return error_sys(err, errno, "cannot enter the new root");
	int r = sys_pivot_root(".", ".");
	if (r == -EINVAL) {
		error_set(err, EINVAL, "the kernel cannot change the root from here");
		return error_hint(err,
				  "it cannot when / is an initramfs: switch to a real root first");
	}
	if (r < 0)
		return error_sys(err, -r, "cannot change the root");
	/* With a shared root, taking the old one away would do so on the host as well. */
	if (fchdir(old) < 0)
		return error_sys(err, errno, "cannot enter the old root");
	if ((plan->propagation & MS_SHARED) && mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return error_sys(err, errno, "cannot cut mount propagation of the old root");
	if (take_away() < 0)
		return error_sys(err, errno, "cannot take the old root away");
	if (chdir("/") < 0)
		return error_sys(err, errno, "cannot enter the new root");
	return 0;
}

static int make_readonly(const struct rootfs_plan *plan, int root, struct error *err)
{
	struct attr_change ro = { .set = plan->readonly ? MOUNT_ATTR_RDONLY : 0 };
	int r = attr_apply(root, &ro);
	return r < 0 ? error_sys(err, -r, "cannot make the root read-only") : 0;
}

/* After the change of root only: a shared mount cannot become the root. */
static int set_propagation(const struct rootfs_plan *plan, struct error *err)
{
	if (plan->propagation && mount(NULL, "/", NULL, plan->propagation, NULL) < 0)
		return error_sys(err, errno, "cannot set the mount propagation of the root");
	return 0;
}

int rootfs_enter(const struct rootfs_plan *plan, int root, struct error *err)
{
	int r = make_readonly(plan, root, err);
	if (r == 0)
		r = pivot(plan, root, err);
	if (r == 0)
		r = set_propagation(plan, err);
	if (r < 0) {
		error_object(err, "%s", plan->root);
		error_what(err, "cannot make the container's tree the root");
	}
	return r;
}

int rootfs_build(const struct rootfs_plan *plan, struct error *err)
{
	CLEANUP_FD int root = rootfs_assemble(plan, err);
	return root < 0 ? root : rootfs_enter(plan, root, err);
}
