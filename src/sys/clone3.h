/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone3.h - clone3(2) as a fork: the child gets a copy of the address space and its own stack.
 * Source: clone(2); Linux 5.3, set_tid 5.5, CLONE_INTO_CGROUP 5.7.
 */
#pragma once

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "sys/arch/spawn.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct clone3_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

/* Returns 0 in the child, the child's pid in the parent, or -errno. */
static inline pid_t sys_clone3(struct clone3_args *args)
{
	long r = syscall(SYS_clone3, args, sizeof(*args));
	return r < 0 ? -errno : (pid_t)r;
}

/*
 * fork with namespaces: flags are CLONE_NEW* (and CLONE_PARENT); cgroup_fd >= 0 puts the child there
 * (v2 directories only); ret_pidfd, where not NULL, gets the child's pidfd (O_CLOEXEC).
 */
static inline pid_t sys_fork(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -EBADF;
	struct clone3_args args = {
		.flags = flags,
		.exit_signal = (flags & CLONE_PARENT) ? 0 : SIGCHLD,
	};
	if (ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	}
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid_t pid = sys_clone3(&args);
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return pid;
}

/*
 * A child in our own memory that calls fn(arg) on a stack of its own, while we stand still until it has executed
 * or exited (vfork(2)): half the price of a copy, and the child need not wait for a processor. What it changes is
 * changed for us; descriptors, signal handlers and all else of a process are its own. Pid or -errno; the rest
 * as sys_fork().
 */
static inline pid_t sys_vfork(uint64_t flags, int cgroup_fd, int *ret_pidfd, int (*fn)(void *arg),
			      void *arg)
{
	enum { STACK_SIZE = 256 << 10 };
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	int pidfd = -EBADF;
	struct clone3_args args = {
		.flags = flags | CLONE_VM | CLONE_VFORK | (ret_pidfd ? CLONE_PIDFD : 0) |
			 (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = STACK_SIZE,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	pid_t pid = (pid_t)arch_spawn(&args, sizeof(args), fn, arg);
	(void)munmap(stack, STACK_SIZE);
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return pid;
}
