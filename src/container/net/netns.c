/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.c - see netns.h. The helper shares the caller's thread-local storage too: it must not touch errno,
 * so its system calls are raw ones, and no function of the C library is called.
 */
#include "container/net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/arch/syscall.h"

#define PENDING (-EINPROGRESS)

static int helper_loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	long sock = arch_syscall3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return (int)sock;
	long r = arch_syscall3(SYS_ioctl, sock, SIOCSIFFLAGS, (long)&ifr);
	(void)arch_syscall1(SYS_close, sock);
	return (int)r;
}

static int helper_main(void *arg)
{
	struct netns *n = arg;
	long r = arch_syscall1(SYS_unshare, CLONE_NEWNET);
	if (r == 0)
		r = arch_syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/ns/net",
				  O_RDONLY | O_CLOEXEC, 0);
	atomic_store(&n->fd, (int)r);
	(void)arch_syscall3(SYS_futex, (long)&n->fd, FUTEX_WAKE_PRIVATE, 1);
	if (r >= 0)
		n->loopback = helper_loopback_up();
	return 0;
}

/*
 * A new process begins on the processor of its parent, even when another one is idle: there it would wait
 * until the parent does. The helper is over before anybody could mind where it may run.
 */
static void send_elsewhere(pid_t helper)
{
	cpu_set_t cpus;
	int here = sched_getcpu();
	if (here < 0 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return; /* more processors than the set has room for: the kernel will find another one */
	CPU_CLR(here, &cpus);
	if (CPU_COUNT(&cpus) > 0)
		(void)sched_setaffinity(helper, sizeof(cpus), &cpus);
}

void netns_init(struct netns *n)
{
	n->helper = 0;
	atomic_init(&n->fd, FD_NONE);
	n->loopback = 0;
}

void netns_begin(struct netns *n)
{
	sigset_t all, old;
	netns_init(n);
	atomic_store(&n->fd, PENDING);
	n->loopback = -EINTR;
	/* a handler of the caller's must not run in the helper */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	/* no exit signal: neither a handler nor a wait(2) of the caller's meets a child that it does not know */
	pid_t pid = clone(helper_main, n->stack + sizeof(n->stack), CLONE_VM | CLONE_FILES, n);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	n->helper = pid > 0 ? pid : 0;
	if (pid < 0)
		netns_init(n);
	else
		send_elsewhere(n->helper);
}

static void reap(struct netns *n)
{
	if (n->helper)
		while (waitpid(n->helper, NULL, __WALL) < 0 && errno == EINTR)
			;
	n->helper = 0;
	if (atomic_load(&n->fd) == PENDING) /* it was killed */
		atomic_store(&n->fd, -ECHILD);
}

static bool has_ended(pid_t helper)
{
	siginfo_t info = { 0 };
	return waitid(P_PID, (id_t)helper, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 ||
	       info.si_pid != 0;
}

int netns_take(struct netns *n)
{
	/* if somebody kills it, nobody wakes us: hence the time limit */
	const struct timespec limit = { .tv_nsec = 50000000 };
	while (n->helper && atomic_load(&n->fd) == PENDING)
		if (syscall(SYS_futex, &n->fd, FUTEX_WAIT_PRIVATE, PENDING, &limit) < 0 &&
		    errno == ETIMEDOUT && has_ended(n->helper))
			reap(n);
	return atomic_load(&n->fd);
}

int netns_finish(struct netns *n, struct error *err)
{
	reap(n);
	if (atomic_load(&n->fd) >= 0 && n->loopback < 0)
		return error_sys(err, -n->loopback, "cannot bring up the loopback interface");
	return 0;
}

void netns_done(struct netns *n)
{
	reap(n);
	(void)fd_close(atomic_load(&n->fd));
	netns_init(n);
}
