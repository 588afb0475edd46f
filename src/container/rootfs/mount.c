/* SPDX-License-Identifier: Apache-2.0 */
/* mount.c - the table of kinds of operations: who does them, and how a failure of each is told. */
#include "container/rootfs/tree.h"

#include "base/fd.h"

static const struct {
	mount_fn *run;
	const char *what;
} kinds[] = {
	[MOUNT_BIND] = { bind_mount, "cannot bind into the container" },
	[MOUNT_FS] = { fs_mount, "cannot mount a file system in the container" },
	[MOUNT_CGROUP] = { cgroupfs_mount, "cannot mount control groups in the container" },
	[MOUNT_MASK] = { mask_path, "cannot mask a path of the container" },
	[MOUNT_READONLY] = { bind_readonly, "cannot make a path of the container read-only" },
	[MOUNT_DEVICE] = { device_make, "cannot make a device in the container" },
	[MOUNT_SYMLINK] = { symlink_make, "cannot make a symbolic link in the container" },
	[MOUNT_VIEWS] = { views_mount, "cannot show the container its own /proc files" },
	[MOUNT_FILE] = { textfile_mount, "cannot make a file in the container" },
};

/* Changes the mount that is at the destination. */
static int remount(struct tree *t, const struct mount_op *op, struct error *err)
{
	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_NOTHING, err);
	return at < 0 ? at : attr_apply_op(t, at, op, err);
}

int mount_op_run(struct tree *t, const struct mount_op *op, struct error *err)
{
	if ((size_t)op->kind >= ARRAY_SIZE(kinds) || !kinds[op->kind].run)
		return error_set(err, EINVAL, "unknown kind of mount operation %d", (int)op->kind);
	if (!op->destination || op->destination[0] != '/') {
		error_set(err, EINVAL, "the destination \"%s\" is not an absolute path",
			  op->destination ? op->destination : "");
		return error_what(err, "%s", kinds[op->kind].what);
	}
	if (op->kind != MOUNT_DEVICE && op->kind != MOUNT_SYMLINK)
		destination_forget_parent(t);
	int r = op->remount ? remount(t, op, err) : kinds[op->kind].run(t, op, err);
	if (r >= 0)
		return 0;
	if ((r == -ENOENT || r == -ENOTCONN) && op->optional) {
		error_clear(err);
		return 0;
	}
	error_object(err, "%s", op->destination);
	error_what(err, "%s", kinds[op->kind].what);
	return r;
}
