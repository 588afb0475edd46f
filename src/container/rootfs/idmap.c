/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.c - a clone of a mount with other ids: mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12. See rootfs.h. */
#include <fcntl.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "container/rootfs/tree.h"
#include "sys/mountfd.h"

bool rootfs_can_map_host(void)
{
	struct error ignored;
	struct fs_request req = { .type = "tmpfs" };
	CLEANUP_FD int tmpfs = fs_make(&req, &ignored);
	CLEANUP_FD int dir =
		tmpfs < 0 ? tmpfs : openat(tmpfs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && fsetxattr(dir, "user.overlay.opaque", "y", 1, 0) == 0;
}

int rootfs_map_tree(const char *path, bool recursive, bool map_all, bool follow, int userns)
{
	CLEANUP_FD int mnt = sys_open_tree(AT_FDCWD, path,
					   OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0) |
						   (follow ? 0 : AT_SYMLINK_NOFOLLOW));
	if (mnt < 0)
		return mnt;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };
	int r = sys_mount_setattr(mnt, "", AT_EMPTY_PATH | (map_all ? AT_RECURSIVE : 0), &attr);
	return r < 0 ? r : take_fd(&mnt);
}
