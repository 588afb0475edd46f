/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.c - MOUNT_DEVICE: a device node.
 *
 * A node is made with mknodat on the descriptor of its directory. Where that may not be done (in a user
 * namespace, or without CAP_MKNOD) the host's node is bound over an empty file, once it has proved to be
 * that device.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/mountfd.h"

static bool is_device(const struct stat *st, const struct mount_op *op)
{
	if ((st->st_mode & S_IFMT) != (op->mode & S_IFMT))
		return false;
	return S_ISFIFO(st->st_mode) || st->st_rdev == op->dev;
}

/* The host's node of that device, as a mount of its own. */
static int clone_host_node(const struct mount_op *op, struct error *err)
{
	const char *path = op->source && *op->source ? op->source : op->destination;
	struct stat st;

	CLEANUP_FD int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	if (fd < 0) {
		error_sys(err, -fd, "may not be made here, and the host's %s cannot be bound",
			  path);
		return error_hint(err, "leave the device out");
	}
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot look at the host's %s", path);
	if (!is_device(&st, op))
		return error_set(err, ENODEV, "the host's %s is not device %u:%u", path,
				 major(op->dev), minor(op->dev));
	return take_fd(&fd);
}

static int bind_node(const struct mount_op *op, int dir, const char *name, struct error *err)
{
	CLEANUP_FD int mnt = clone_host_node(op, err);
	if (mnt < 0)
		return mnt;
	if (mknodat(dir, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make a file to bind the device on");
	CLEANUP_FD int at = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return error_sys(err, errno, "cannot open the file to bind the device on");
	int r = destination_attach(mnt, at, err);
	if (r < 0)
		return r;
	struct attr_change change = { .propagation = MS_PRIVATE };
	r = attr_apply(mnt, &change);
	return r < 0 ? error_sys(err, -r, "cannot make the device's mount private") : 0;
}

/* Something has that name already: 1 when it is the device itself. */
static int is_there(const struct mount_op *op, int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return is_device(&st, op);
}

static int make_node(const struct mount_op *op, int dir, const char *name, struct error *err)
{
	/* The umask is zero while the tree is built: see root.c. */
	if (mknodat(dir, name, op->mode, op->dev) < 0) {
		if (errno == EPERM)
			return bind_node(op, dir, name, err);
		if (errno != EEXIST)
			return error_sys(err, errno, "cannot make the device node");
		int r = is_there(op, dir, name);
		if (r < 0)
			return error_sys(err, -r, "cannot look at what is there");
		if (r == 0) /* an image may have a plain file of that name */
			return bind_node(op, dir, name, err);
	}
	if (op->uid == 0 && op->gid == 0)
		return 0;
	if (fchownat(dir, name, op->uid, op->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "cannot give the device to %u:%u", op->uid, op->gid);
	return 0;
}

int device_make(struct tree *t, const struct mount_op *op, struct error *err)
{
	char name[NAME_MAX + 1];

	if (!S_ISCHR(op->mode) && !S_ISBLK(op->mode) && !S_ISFIFO(op->mode))
		return error_set(err, EINVAL, "a device is a character or block device or a fifo");
	int dir = destination_parent(t, op, name, err);
	if (dir < 0)
		return dir;
	if (t->plan->userns && !S_ISFIFO(op->mode))
		return bind_node(op, dir, name, err);
	return make_node(op, dir, name, err);
}
