/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.h - the system calls that contexe-init makes, with types. This list is all that it can ask
 * of the kernel. Each returns a value or -errno; see the section 2 page of the same name.
 */
#pragma once

#include <asm/unistd.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/compiler.h"
#include "sys/arch/syscall.h"

/* The kernel's set and action, not those of the C library. A zeroed action is SIG_DFL. */
typedef uint64_t calls_sigset;
struct calls_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	calls_sigset mask;
};

/* descriptors */

static inline long sys_read(int fd, void *buf, size_t size)
{
	return arch_syscall3(__NR_read, fd, (long)buf, (long)size);
}

static inline long sys_write(int fd, const void *buf, size_t size)
{
	return arch_syscall3(__NR_write, fd, (long)buf, (long)size);
}

static inline long sys_pwrite(int fd, const void *buf, size_t size, int64_t offset)
{
	return arch_syscall4(__NR_pwrite64, fd, (long)buf, (long)size, (long)offset);
}

static inline long sys_pread(int fd, void *buf, size_t size, int64_t offset)
{
	return arch_syscall4(__NR_pread64, fd, (long)buf, (long)size, (long)offset);
}

static inline long sys_openat(int dir, const char *path, int flags)
{
	return arch_syscall4(__NR_openat, dir, (long)path, flags, 0);
}

static inline long sys_open_tree(const char *path, unsigned int flags)
{
	return arch_syscall3(__NR_open_tree, AT_FDCWD, (long)path, flags);
}

static inline long sys_close(int fd)
{
	return arch_syscall1(__NR_close, fd);
}

static inline long sys_close_range(unsigned int first, unsigned int last)
{
	return arch_syscall3(__NR_close_range, first, last, 0);
}

static inline long sys_dup3(int from, int to, int flags)
{
	return arch_syscall3(__NR_dup3, from, to, flags);
}

static inline long sys_fcntl(int fd, int command, long arg)
{
	return arch_syscall3(__NR_fcntl, fd, command, arg);
}

static inline long sys_ppoll(struct pollfd *fds, size_t n, const struct timespec *timeout)
{
	return arch_syscall5(__NR_ppoll, (long)fds, (long)n, (long)timeout, 0, 0);
}

/* sockets */

static inline long sys_accept4(int listener, int flags)
{
	return arch_syscall4(__NR_accept4, listener, 0, 0, flags);
}

static inline long sys_recv(int sock, void *buf, size_t size, int flags)
{
	return arch_syscall6(__NR_recvfrom, sock, (long)buf, (long)size, flags, 0, 0);
}

static inline long sys_sendmsg(int sock, const struct msghdr *msg, int flags)
{
	return arch_syscall3(__NR_sendmsg, sock, (long)msg, flags);
}

static inline long sys_shutdown(int sock, int how)
{
	return arch_syscall2(__NR_shutdown, sock, how);
}

static inline long sys_getsockopt(int sock, int level, int name, void *value, socklen_t *size)
{
	return arch_syscall5(__NR_getsockopt, sock, level, name, (long)value, (long)size);
}

/* signals */

static inline long sys_rt_sigprocmask(int how, const calls_sigset *set)
{
	return arch_syscall4(__NR_rt_sigprocmask, how, (long)set, 0, sizeof(*set));
}

static inline long sys_rt_sigaction(int signal, const struct calls_sigaction *action)
{
	return arch_syscall4(__NR_rt_sigaction, signal, (long)action, 0, sizeof(action->mask));
}

static inline long sys_signalfd4(const calls_sigset *set, int flags)
{
	return arch_syscall4(__NR_signalfd4, -1, (long)set, sizeof(*set), flags);
}

static inline long sys_kill(int pid, int signal)
{
	return arch_syscall2(__NR_kill, pid, signal);
}

/* processes */

static inline long sys_getpid(void)
{
	return arch_syscall0(__NR_getpid);
}

static inline long sys_prctl(int option, unsigned long arg)
{
	return arch_syscall5(__NR_prctl, option, (long)arg, 0, 0, 0);
}

static inline long sys_prlimit(int resource, const struct rlimit64 *limit, struct rlimit64 *old)
{
	return arch_syscall4(__NR_prlimit64, 0, resource, (long)limit, (long)old);
}

static inline long sys_wait4(int pid, int *status, int options)
{
	return arch_syscall4(__NR_wait4, pid, (long)status, options, 0);
}

/* waitid(2) of one child, without the report: WNOHANG | WNOWAIT leave all as it was. */
static inline long sys_waitid_pid(int pid, int options)
{
	return arch_syscall5(__NR_waitid, P_PID, pid, 0, options, 0);
}

NORETURN static inline void sys_exit_group(int code)
{
	for (;;)
		arch_syscall1(__NR_exit_group, code);
}
