/* SPDX-License-Identifier: Apache-2.0 */
/*
 * viewmount.c - MOUNT_VIEWS: the container's own /proc files over the kernel's. One FUSE file system, mounted nowhere in
 * the end; each of its files alone is bound to its place (sys/viewfs.h). What the kernel does not have is left out.
 *
 * Whoever holds the other end answers meanwhile: the greeting, and opening and reading the directory, which tells the
 * kernel all names and attributes.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "sys/mountfd.h"
#include "sys/viewfs.h"

static int learn_names(int mnt, struct error *err)
{
	char entries[2048];
	CLEANUP_FD int dir = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || syscall(SYS_getdents64, dir, entries, sizeof(entries)) < 0)
		return error_sys(err, errno, "cannot read the names of the views");
	return 0;
}

struct views {
	int fd[VIEWFS_COUNT];
};

static void views_close(struct views *v)
{
	for (size_t i = 0; i < VIEWFS_COUNT; i++)
		fd_close(v->fd[i]);
}

static int clone_files(int mnt, struct views *v)
{
	for (size_t i = 0; i < VIEWFS_COUNT; i++) {
		char name[VIEWFS_NAME_MAX];
		(void)viewfs_name(viewfs_files[i].number, name);
		v->fd[i] = sys_open_tree(mnt, name, OPEN_TREE_CLONE);
		if (v->fd[i] < 0)
			return v->fd[i];
	}
	return 0;
}

/* Before Linux 6.15 only what is attached can be cloned: see textfile.c. */
static int clone_attached(const struct tree *t, int mnt, struct views *v, struct error *err)
{
	int r = clone_files(mnt, v);
	if (r != -EINVAL)
		return r < 0 ? error_sys(err, -r, "cannot clone a view") : 0;
	r = destination_attach(mnt, t->root, err);
	if (r < 0)
		return r;
	r = clone_files(mnt, v);
	int uncovered = destination_uncover(mnt);
	r = r < 0 ? r : uncovered;
	return r < 0 ? error_sys(err, -r, "cannot clone a view") : 0;
}

static int put(struct tree *t, const char *path, int mnt, struct error *err)
{
	const struct mount_op op = { .kind = MOUNT_VIEWS, .destination = path };
	CLEANUP_FD int at = destination_open(t, &op, INROOT_MAKE_NOTHING, err);
	if (at == -ENOENT) {
		error_clear(err); /* this kernel has no such file */
		return 0;
	}
	int r = at < 0 ? at : destination_attach(mnt, at, err);
	return r < 0 ? error_object(err, "%s", path) : 0;
}

/* A mask, or a mount of the caller's, stands. */
static bool is_covered(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->plan->n_ops; i++)
		if (str_eq(t->plan->ops[i].destination, path))
			return true;
	return false;
}

static int mount_all(struct tree *t, struct error *err)
{
	CLEANUP(views_close) struct views v;
	for (size_t i = 0; i < VIEWFS_COUNT; i++)
		v.fd[i] = FD_NONE;
	int mnt = t->plan->views_mnt;
	int r = learn_names(mnt, err);
	if (r == 0)
		r = clone_attached(t, mnt, &v, err);
	for (size_t i = 0; i < VIEWFS_COUNT && r == 0; i++)
		if (!is_covered(t, viewfs_files[i].path))
			r = put(t, viewfs_files[i].path, v.fd[i], err);
	return r;
}

int views_mount(struct tree *t, const struct mount_op *op, struct error *err)
{
	if (t->plan->views_mnt < 0 && op->optional)
		return 0;
	int r = mount_all(t, err);
	if (r < 0 && op->optional) { /* the kernel's files are simply shown */
		error_clear(err);
		return 0;
	}
	return r;
}
