/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd.h - pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), waitid(P_PIDFD). All -errno on failure. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int sys_pidfd_open(pid_t pid)
{
	long r = syscall(SYS_pidfd_open, pid, 0);
	return r < 0 ? -errno : (int)r;
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

static inline int sys_pidfd_getfd(int pidfd, int fd)
{
	long r = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return r < 0 ? -errno : (int)r;
}

/*
 * The wait status of a process that has ended and was reaped, whoever's child it was (PIDFD_GET_INFO, Linux 6.15).
 * -ESRCH: not reaped yet; -ENOTTY, -EINVAL: an older kernel.
 */
static inline int sys_pidfd_exit_code(int pidfd)
{
	struct {
		uint64_t mask, cgroupid;
		uint32_t ids[11];
		int32_t exit_code;
	} info = { .mask = 1 << 3 /* PIDFD_INFO_EXIT */ };
	if (ioctl(pidfd, _IOWR(0xFF, 11, info), &info) < 0)
		return -errno;
	return info.mask & (1 << 3) ? info.exit_code : -ESRCH;
}

/* Waits for a child through its pidfd. options as in waitid(2). 0 or -errno. */
static inline int sys_pidfd_wait(int pidfd, siginfo_t *info, int options)
{
	int r;
	do {
		r = waitid(P_PIDFD, (id_t)pidfd, info, options);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}
