/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd.h - pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), waitid(P_PIDFD). All -errno on failure. */
#pragma once

#include <errno.h>
#include <signal.h>
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

/* Waits for a child through its pidfd. options as in waitid(2). 0 or -errno. */
static inline int sys_pidfd_wait(int pidfd, siginfo_t *info, int options)
{
	int r;
	do {
		r = waitid(P_PIDFD, (id_t)pidfd, info, options);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}
