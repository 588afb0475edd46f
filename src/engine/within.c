/* SPDX-License-Identifier: Apache-2.0 */
/*
 * within.c - see within.h. A process enters a user namespace for good, and a library must not do that to its caller: so it
 * is another process (no thread: threads have one user namespace). It shares memory and descriptors, as after vfork(2), so
 * that all that fn does is there afterwards. Ids are set by bare system calls: the C library would set those of
 * all threads of its process, which are the caller's.
 */
#include "engine/within.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (8u << 20)
#define GUARD_SIZE (64u << 10)

struct call {
	int pidfd;
	int (*fn)(void *arg, struct error *err);
	void *arg;
	struct error *err;
	int result;
};

static int enter(const struct call *c)
{
	if (setns(c->pidfd, CLONE_NEWUSER) < 0)
		return error_sys(c->err, errno, "cannot enter the container's user namespace");
	(void)syscall(SYS_setgroups, 0, NULL); /* may be denied: then there is nothing to clear */
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return error_sys(c->err, errno, "cannot become root of the container");
	/* nothing inside may look at us; and nobody waits for what we do once our caller is dead */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int callee(void *data)
{
	struct call *c = data;
	int r = enter(c);
	c->result = r < 0 ? r : c->fn(c->arg, c->err);
	_exit(0);
}

int within_userns(int pidfd, int (*fn)(void *arg, struct error *err), void *arg, struct error *err)
{
	struct call c = { .pidfd = pidfd, .fn = fn, .arg = arg, .err = err, .result = -EINTR };
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return error_sys(err, errno, "cannot make a stack");
	(void)mprotect(stack, GUARD_SIZE, PROT_NONE);
	int dumpable = prctl(PR_GET_DUMPABLE); /* belongs to the memory that we share */
	pid_t pid = clone(callee, stack + STACK_SIZE, CLONE_VM | CLONE_FILES | CLONE_VFORK, &c);
	int e = errno, status;
	while (pid > 0 && waitpid(pid, &status, __WCLONE) < 0 && errno == EINTR)
		;
	(void)prctl(PR_SET_DUMPABLE, dumpable == 1);
	(void)munmap(stack, STACK_SIZE);
	if (pid < 0)
		return error_sys(err, e, "cannot fork");
	if (c.result == -EINTR && (!err || !err->err))
		return error_set(err, EINTR, "the process that works in the container was killed");
	return c.result;
}
