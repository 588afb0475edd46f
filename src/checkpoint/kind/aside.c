/* SPDX-License-Identifier: Apache-2.0 */
/* aside.c - see aside.h. */
#include "checkpoint/kind/aside.h"

#include <grp.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "proc/process.h"
#include "sys/arch/clone_call.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"

#define ASIDE_STACK  (1u << 20)
#define ASIDE_GROUPS 1024

struct step_aside {
	int (*run)(void *arg);
	int (*enter)(void *arg, struct error *err);
	void *arg;
	struct error *err;
	pid_t target;
	int r;
};

/*
 * A child that shares memory and descriptors, with the number asked for where it can be had; we go
 * on when it has ended.
 */
static int vfork_on_own_stack(int (*child)(void *), struct step_aside *s, pid_t number)
{
	char *stack = mmap(NULL, ASIDE_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -ENOMEM;
	struct clone3_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = ASIDE_STACK,
		.set_tid = (uint64_t)(uintptr_t)(number > 0 ? &number : NULL),
		.set_tid_size = number > 0,
	};
	s->r = -ECHILD;
	long pid = arch_clone_call(&args, sizeof(args), child, s);
	if (pid < 0 && number > 0) { /* taken, or not ours to choose */
		args.set_tid = args.set_tid_size = 0;
		pid = arch_clone_call(&args, sizeof(args), child, s);
	}
	int status;
	while (pid > 0 && waitpid((pid_t)pid, &status, __WALL) < 0 && errno == EINTR)
		;
	(void)munmap(stack, ASIDE_STACK);
	return pid < 0 ? (int)pid : s->r;
}

static int with_signals_blocked(int (*child)(void *), struct step_aside *s, pid_t number)
{
	sigset_t all, old;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	int r = vfork_on_own_stack(child, s, number);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int run_child(void *arg)
{
	struct step_aside *s = arg;
	s->r = s->run(s->arg);
	return 0;
}

int aside_run(int (*fn)(void *arg), void *arg)
{
	struct step_aside s = { .run = fn, .arg = arg };
	return with_signals_blocked(run_child, &s, 0);
}

static int enter_child(void *arg)
{
	struct step_aside *s = arg;
	s->r = s->enter(s->arg, s->err);
	return 0;
}

/* Joins what is not ours already: setns(2) refuses the own user namespace. */
static int join(pid_t target)
{
	static const struct {
		const char *name;
		int flag;
	} table[] = { { "user", CLONE_NEWUSER }, { "net", CLONE_NEWNET }, { "pid", CLONE_NEWPID } };
	int flags = 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (proc_ns_inode(target, table[i].name) != proc_ns_inode(0, table[i].name))
			flags |= table[i].flag;
	if (!flags)
		return 0;
	CLEANUP_FD int pidfd = sys_pidfd_open(target);
	if (pidfd < 0)
		return pidfd;
	return setns(pidfd, flags) < 0 ? -errno : 0;
}

static int join_child(void *arg)
{
	struct step_aside *s = arg;
	int r = join(s->target);
	if (r < 0)
		s->r = error_sys(s->err, -r, "cannot enter the container's namespaces");
	else /* the pid namespace is that of children */
		s->r = vfork_on_own_stack(enter_child, s, 0);
	return 0;
}

int aside_enter(pid_t target, int (*fn)(void *arg, struct error *err), void *arg, struct error *err)
{
	struct step_aside s = { .enter = fn, .arg = arg, .err = err, .target = target };
	return with_signals_blocked(join_child, &s, 0);
}

int aside_as(pid_t pid, int (*fn)(void *arg), void *arg)
{
	struct step_aside s = { .run = fn, .arg = arg };
	return with_signals_blocked(run_child, &s, pid);
}

/*
 * Raw calls: those of the C library would change all threads of the process whose memory we share.
 */
void aside_become(int64_t uid, int64_t gid, const uint64_t *groups, size_t n_groups)
{
	gid_t list[ASIDE_GROUPS];
	size_t n = MIN(n_groups, (size_t)ASIDE_GROUPS);
	for (size_t i = 0; i < n; i++)
		list[i] = (gid_t)groups[i];
	(void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
	(void)syscall(SYS_setgroups, n, list);
	if (gid >= 0)
		(void)syscall(SYS_setresgid, -1, (gid_t)gid, -1);
	if (uid >= 0)
		(void)syscall(SYS_setresuid, -1, (uid_t)uid, -1);
}
