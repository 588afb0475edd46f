/* SPDX-License-Identifier: Apache-2.0 */
/* console.c - see console.h. */
#include "container/console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/mountfd.h"
#include "sys/openat2.h"

#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int console_open(uint16_t rows, uint16_t cols, int *ret_master, int *ret_slave, struct error *err)
{
	CLEANUP_FD int master =
		sys_openat2(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_NO_SYMLINKS);
	struct statfs fs;
	if (master < 0 || fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC) {
		error_set(err, ENODEV, "the container has no devpts at /dev/pts");
		return error_hint(err, "a terminal needs one: leave /dev to contexe, or mount it");
	}
	int unlock = 0;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return error_sys(err, errno, "cannot unlock the terminal");
	/*
	 * O_CLOEXEC afterwards: this ioctl keeps the flag in the open file, unlike open(2), and then the fdinfo of every
	 * duplicate shows it (seen on 6.1 and 6.18).
	 */
	CLEANUP_FD int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0 || fd_set_cloexec(slave, 1) < 0)
		return error_sys(err, errno, "cannot open the terminal");
	struct winsize size = { .ws_row = rows, .ws_col = cols };
	if (rows && cols && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return error_sys(err, errno, "cannot set the terminal's size");
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

int console_bind(int slave, struct error *err)
{
	CLEANUP_FD int dev =
		sys_openat2(AT_FDCWD, "/dev", O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
	if (dev < 0)
		return error_sys(err, -dev, "cannot open /dev of the container");
	int node =
		openat(dev, "console",
		       O_CREAT | O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0620);
	if (node < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make /dev/console");
	fd_close(node);
	CLEANUP_FD int target =
		sys_openat2(dev, "console", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	if (target < 0)
		return error_sys(err, -target, "cannot open /dev/console");
	CLEANUP_FD int tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	if (tree < 0)
		return error_sys(err, -tree, "cannot clone the terminal's mount");
	int r = sys_move_mount(tree, "", target, "",
			       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? error_sys(err, -r, "cannot mount the terminal at /dev/console") : 0;
}

int console_take(int slave, struct error *err)
{
	if (setsid() < 0 && errno != EPERM)
		return error_sys(err, errno, "cannot start a session");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return error_sys(err, errno, "cannot take the terminal as controlling terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return error_sys(err, errno, "cannot put the terminal at descriptor %d", i);
	return 0;
}
