/* SPDX-License-Identifier: Apache-2.0 */
/* pty_open.c - see pty_open.h. */
#include "checkpoint/kind/pty_open.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/pty.h"
#include "sys/openat2.h"

#define SPARE	  "tty.spare"
#define PTMX_PATH "/dev/pts/ptmx"

/* Looks first: nothing but a ptmx is opened. */
static int open_ptmx(const char *path, int flags)
{
	struct stat st;
	CLEANUP_FD int node = sys_openat2(AT_FDCWD, path, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
	if (node < 0)
		return node;
	if (fstat(node, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	return sys_openat2(AT_FDCWD, path, (uint64_t)(unsigned)(flags | O_NOCTTY), 0,
			   RESOLVE_NO_MAGICLINKS);
}

/* The next free pair. *ret_index: its number. */
static int next_master(const char *path, int flags, int *ret_index, struct error *err)
{
	CLEANUP_FD int fd = open_ptmx(path, flags);
	if (fd == -ENOENT || fd == -ENODEV)
		fd = open_ptmx(PTMX_PATH, flags);
	if (fd < 0) {
		error_sys(err, -fd, "cannot open a pseudo terminal");
		error_object(err, "%s", path);
		return error_hint(err, "the container needs a devpts at /dev/pts");
	}
	int index = pty_master_index(fd);
	if (index < 0)
		return error_sys(err, -index, "cannot tell the number of a pseudo terminal");
	*ret_index = index;
	return take_fd(&fd);
}

int pty_open_master(struct holder *h, const char *path, int index, int flags, struct error *err)
{
	int fd = holder_unstash(h, SPARE, (uint64_t)index);
	while (fd < 0) {
		int got;
		fd = next_master(path, flags, &got, err);
		if (fd < 0 || got == index)
			break;
		if (got > index) {
			fd_close(fd);
			error_set(err, EBUSY, "the pseudo terminal /dev/pts/%d is taken", index);
			return error_hint(err, "the new container has a terminal that the old one "
					       "did not have, or another number for it");
		}
		holder_stash_take(h, SPARE, (uint64_t)got, fd);
		fd = FD_NONE;
	}
	return fd;
}

int pty_open_hung_up(struct holder *h, int above, int flags, struct error *err)
{
	for (;;) {
		int got;
		CLEANUP_FD int master = next_master(PTMX_PATH, O_RDWR, &got, err);
		if (master < 0)
			return master;
		if (got > above) {
			int fd = pty_peer(master, flags);
			return fd < 0 ? error_sys(err, -fd, "cannot open a pseudo terminal") : fd;
		}
		holder_stash_take(h, SPARE, (uint64_t)got, take_fd(&master));
	}
}

/*
 * In the child, which shares our table of descriptors: `at` is replaced by /dev/tty. Giving the terminal back raises SIGHUP in its
 * foreground group, which is the child alone; ending without that would hang up all slaves.
 */
static int child_open(int slave, int at, int flags)
{
	(void)signal(SIGHUP, SIG_IGN);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return errno;
	int tty = open("/dev/tty", flags | O_NOCTTY | O_CLOEXEC);
	int r = tty < 0 || dup3(tty, at, O_CLOEXEC) < 0 ? errno : 0;
	fd_close(tty);
	if (ioctl(slave, TIOCNOTTY) < 0 && !r)
		r = errno;
	return r;
}

int pty_open_current(int master, int flags, struct error *err)
{
	CLEANUP_FD int slave = pty_peer(master, O_RDWR);
	if (slave < 0)
		return error_sys(err, -slave, "cannot open a pseudo terminal");
	CLEANUP_FD int fd = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_sys(err, errno, "cannot duplicate a descriptor");
	/* opening by name, other than by the master, wants it unlocked */
	int was = 0, unlocked = 0;
	if (ioctl(master, TIOCGPTLCK, &was) < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return error_sys(err, errno, "cannot unlock a pseudo terminal");
	long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(child_open(slave, fd, flags));
	if (pid < 0)
		return error_sys(err, errno, "cannot fork");
	int status;
	while (waitpid((pid_t)pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_sys(err, errno, "cannot wait for a child");
	(void)ioctl(master, TIOCSPTLCK, &was);
	if (status != 0) {
		error_sys(err, WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
			  "cannot open the controlling terminal");
		return error_object(err, "/dev/tty");
	}
	return take_fd(&fd);
}
