/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountfd.h - mounts as file descriptors: open_tree, move_mount, fsopen, fsconfig, fsmount (Linux 5.2),
 * mount_setattr (5.12), pivot_root. All return a descriptor (O_CLOEXEC), 0, or -errno.
 * Constants come from <linux/mount.h>; a libc older than the kernel lacks some wrappers, so all are raw.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	long r = syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC);
	return r < 0 ? -errno : (int)r;
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				 unsigned flags)
{
	return syscall(SYS_move_mount, from, from_path, to, to_path, flags) < 0 ? -errno : 0;
}

static inline int sys_fsopen(const char *type)
{
	long r = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	return r < 0 ? -errno : (int)r;
}

static inline int sys_fsconfig_string(int fs, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static inline int sys_fsconfig_flag(int fs, const char *key)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0 ? -errno : 0;
}

static inline int sys_fsconfig_fd(int fs, const char *key, int fd)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd) < 0 ? -errno : 0;
}

static inline int sys_fsconfig_create(int fs)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static inline int sys_fsmount(int fs, unsigned attrs)
{
	long r = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
	return r < 0 ? -errno : (int)r;
}

static inline int sys_mount_setattr(int dirfd, const char *path, unsigned flags,
				    struct mount_attr *attr)
{
	return syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return syscall(SYS_pivot_root, new_root, put_old) < 0 ? -errno : 0;
}
