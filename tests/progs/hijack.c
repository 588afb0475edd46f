/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hijack.c - contexe_hijack() called: the child reports itself (report.h) and exits with 7; the parent tells what it sees.
 *
 * usage: hijack WHICH ID FLAGS [DO]     which: pid, pidfd (ID is a pid, opened by us), pidfd-of (ID is opened as a file),
 *                                       cgroup (ID is a path), or a number, and ID is taken as it is
 * FLAGS: clone_flags, a number. DO: what the child does: report (the default), memory, signals, pids, fds, nothing,
 * kill, wait (until its input ends). Parent's last line: "parent PID STATUS CHILDREN", or "errno N CHILDREN".
 */
#include <contexe.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "report.h"

static int on_stack_before;
static char *on_heap;
static volatile sig_atomic_t handled;

static void handler(int sig)
{
	handled = sig;
}

static int open_id(const char *which, const char *id, int *ret_which)
{
	*ret_which = atoi(which);
	if (!strcmp(which, "pid"))
		*ret_which = CONTEXE_HIJACK_PID;
	if (!strcmp(which, "pidfd") || !strcmp(which, "pidfd-of"))
		*ret_which = CONTEXE_HIJACK_PIDFD;
	if (!strcmp(which, "cgroup"))
		*ret_which = CONTEXE_HIJACK_CGROUP;
	if (!strcmp(which, "pidfd"))
		return (int)syscall(SYS_pidfd_open, atoi(id), 0);
	if (!strcmp(which, "cgroup") || !strcmp(which, "pidfd-of"))
		return open(id, O_RDONLY | O_CLOEXEC);
	return atoi(id);
}

/* Variables of every kind are there, as after fork, and are the child's own. */
static int memory(int *local)
{
	char *page = malloc(1 << 20);
	memset(page, 1, 1 << 20);
	int good = *local == 4711 && on_stack_before == 42 && !strcmp(on_heap, "from before");
	strcpy(on_heap, "the child's");
	*local = 1;
	printf("memory %s\n", good ? "same" : "other");
	printf("tid %s\n", gettid() == getpid() && raise(0) == 0 ? "own" : "stale");
	free(page);
	fflush(stdout);
	return good ? 0 : 1;
}

static int signals(void)
{
	sigset_t set;
	sigprocmask(SIG_SETMASK, NULL, &set);
	raise(SIGUSR1);
	printf("blocked %d %d handled %d\n", sigismember(&set, SIGUSR2), sigismember(&set, SIGTERM),
	       (int)handled);
	fflush(stdout);
	return 0;
}

static void list_descriptors(void)
{
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d\n", fd);
}

static int child(const char *what, int *local)
{
	char byte;
	if (!strcmp(what, "memory"))
		return memory(local);
	if (!strcmp(what, "signals"))
		return signals();
	if (!strcmp(what, "pids"))
		printf("pid %d ppid %d\n", getpid(), getppid());
	else if (!strcmp(what, "nothing"))
		return 7;
	else if (!strcmp(what, "kill"))
		raise(SIGKILL);
	else if (!strcmp(what, "wait"))
		while (read(0, &byte, 1) > 0)
			continue;
	else if (!strcmp(what, "fds"))
		list_descriptors();
	else
		report();
	fflush(stdout);
	return 7;
}

/* Children that are left, helpers included. */
static int count_children(void)
{
	int n = 0;
	while (waitpid(-1, NULL, __WALL) > 0)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	int which, local = 4711, status = 0;
	if (argc < 4)
		return 2;
	const char *what = argc > 4 ? argv[4] : "report";
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGUSR1, handler);
	signal(64, handler);
	on_stack_before = 42;
	on_heap = strdup("from before");
	int id = open_id(argv[1], argv[2], &which);
	errno = 0;
	pid_t pid = contexe_hijack(strtoul(argv[3], NULL, 0), which, id);
	if (pid == 0)
		_exit(child(what, &local));
	if (pid < 0) {
		int e = errno;
		printf("errno %d %d\n", e, count_children());
		return 0;
	}
	pid_t got = waitpid(pid, &status, __WALL);
	if (local != 4711 || strcmp(on_heap, "from before"))
		printf("memory is shared\n");
	sigprocmask(SIG_SETMASK, NULL, &set);
	if (!sigismember(&set, SIGUSR2) || sigismember(&set, SIGTERM))
		printf("the parent's mask is another\n");
	printf("parent %d %d %d %d\n", pid, got == pid ? status : -1, count_children(), getpid());
	return 0;
}
