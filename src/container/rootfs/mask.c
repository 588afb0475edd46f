/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask.c - MOUNT_MASK: hides a file under /dev/null, a directory under an empty read-only tmpfs.
 *
 * /dev/null is the host's, and has been seen to be character device 1:3: a file that merely has that
 * name (an image can put anything there) would be shown, writable, in place of what is hidden.
 * There is one /dev/null and one tmpfs for all masks of a tree.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "sys/mountfd.h"

static int open_null(struct error *err)
{
	struct stat st;

	CLEANUP_FD int fd = sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE);
	if (fd < 0)
		return error_set(err, ENODEV, "cannot open the host's /dev/null: %s",
				 strerror(-fd));
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		error_set(err, ENODEV, "the host's /dev/null is not the null device");
		return error_hint(err, "make it anew: mknod -m 666 /dev/null c 1 3");
	}
	return take_fd(&fd);
}

static int open_empty(struct error *err)
{
	struct fs_request req = {
		.type = "tmpfs",
		.data = "size=4k,nr_inodes=2,mode=0755",
		.attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC,
		.readonly = true,
	};
	return fs_make(&req, err);
}

/*
 * Puts the stencil, or a clone of it, at `at`. Its first use makes it private; so are then its clones.
 */
static int stencil_put(struct stencil *s, int at, struct error *err)
{
	if (s->used) {
		CLEANUP_FD int mnt = sys_open_tree(s->fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
		if (mnt < 0)
			return error_sys(err, -mnt, "cannot clone the mask");
		return destination_attach(mnt, at, err);
	}
	int r = destination_attach(s->fd, at, err);
	if (r < 0)
		return r;
	s->used = true;
	struct attr_change change = { .propagation = MS_PRIVATE };
	r = attr_apply(s->fd, &change);
	return r < 0 ? error_sys(err, -r, "cannot make the mask private") : 0;
}

int mask_path(struct tree *t, const struct mount_op *op, struct error *err)
{
	struct stat st;

	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_NOTHING, err);
	if (at == -ENOENT) {
		error_clear(err); /* what is not there needs no mask */
		return 0;
	}
	if (at < 0)
		return at;
	if (fstat(at, &st) < 0)
		return error_sys(err, errno, "cannot look at the path to mask");
	bool dir = S_ISDIR(st.st_mode);
	struct stencil *s = dir ? &t->empty : &t->null;
	if (s->fd < 0)
		s->fd = dir ? open_empty(err) : open_null(err);
	return s->fd < 0 ? s->fd : stencil_put(s, at, err);
}
