/* SPDX-License-Identifier: Apache-2.0 */
/*
 * textfile.c - MOUNT_FILE: a small regular file with given content, bound from a tmpfs of its own. Nothing
 * is written to the image, and the file needs no place on the host.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/mountfd.h"

#define FILE_NAME "file"

static int write_file(int dir, const struct mount_op *op, struct error *err)
{
	mode_t mode = op->mode & 07777 ? op->mode & 07777 : 0644;
	const char *text = op->source ? op->source : "";
	CLEANUP_FD int fd = openat(dir, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return error_sys(err, errno, "cannot create the file");
	int r = fd_write_all(fd, text, strlen(text));
	if (r < 0)
		return error_sys(err, -r, "cannot write the file");
	if ((op->uid || op->gid) && fchown(fd, op->uid, op->gid) < 0)
		return error_sys(err, errno, "cannot give the file to %u:%u", op->uid, op->gid);
	return 0;
}

/*
 * The file alone as a mount. Before Linux 6.15 only what is attached can be cloned; so the tmpfs is put
 * over the root of the tree for a moment, in which nobody looks anything up there.
 */
static int clone_file(const struct tree *t, int tmpfs, struct error *err)
{
	int fd = sys_open_tree(tmpfs, FILE_NAME, OPEN_TREE_CLONE);
	if (fd != -EINVAL)
		return fd >= 0 ? fd : error_sys(err, -fd, "cannot clone the file");
	int r = destination_attach(tmpfs, t->root, err);
	if (r < 0)
		return r;
	fd = sys_open_tree(tmpfs, FILE_NAME, OPEN_TREE_CLONE);
	r = destination_uncover(tmpfs);
	if (r == 0 && fd >= 0)
		return fd;
	fd_close(fd);
	return error_sys(err, r < 0 ? -r : -fd, "cannot take the file out of its file system");
}

int textfile_mount(struct tree *t, const struct mount_op *op, struct error *err)
{
	struct fs_request req = { .type = "tmpfs",
				  .data = "mode=0700,nr_inodes=8",
				  .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
				  .label = t->plan->mount_label };
	CLEANUP_FD int tmpfs = fs_make(&req, err);
	if (tmpfs < 0)
		return tmpfs;
	int r = write_file(tmpfs, op, err);
	if (r < 0)
		return r;
	CLEANUP_FD int file = clone_file(t, tmpfs, err);
	if (file < 0)
		return file;
	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_FILE, err);
	if (at < 0)
		return at;
	r = destination_attach(file, at, err);
	return r < 0 ? r : attr_apply_op(t, file, op, err);
}
