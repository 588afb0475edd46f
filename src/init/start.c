/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - contexe-init from its first instruction to its loop: reads the arguments, checks what
 * it was given, takes charge. Freestanding: no C library, no writable data (each page would be paid
 * for once a container).
 */
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "init/calls.h"
#include "init/init.h"
#include "init/protocol.h"
#include "init/signals.h"
#include "sys/arch/entry.h"

#define INIT_MAX_PID 4194304 /* PID_MAX_LIMIT of 64-bit kernels */

ARCH_ENTRY(init_start);
NORETURN void init_start(long *stack);

NORETURN static void start_fail(const char *why)
{
	static const char name[] = "contexe-init: ";
	size_t size = 0;

	while (why[size])
		size++;
	sys_write(2, name, sizeof(name) - 1);
	sys_write(2, why, size);
	sys_exit_group(INIT_EXIT_USAGE);
}

/* A decimal number of at most max, or -1. */
static int start_number(const char *text, int max)
{
	int value = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
		if (value > max)
			return -1;
	}
	return value;
}

static bool start_is_views(const char *text)
{
	static const char views[] = INIT_ARG_VIEWS;
	size_t i = 0;

	while (views[i] && text[i] == views[i])
		i++;
	return text[i] == views[i];
}

static bool start_has_child(int pid)
{
	return sys_waitid_pid(pid, WEXITED | WNOHANG | WNOWAIT | __WALL) >= 0;
}

static bool start_has_fds(unsigned int last)
{
	for (unsigned int fd = INIT_FD_SUPERVISOR; fd <= last; fd++)
		if (sys_fcntl((int)fd, F_GETFD, 0) < 0)
			return false;
	return true;
}

/*
 * Not dumpable: init shares its uid with processes of the container, and without this they could
 * open what it holds through /proc/1/fd (the control socket, the terminal's master) or trace it.
 * The kernel then asks for CAP_SYS_PTRACE in the user namespace that owns init's memory.
 * The parent death signal is cleared because the supervisor's death must go unnoticed.
 */
static void start_guard(void)
{
	sys_prctl(PR_SET_DUMPABLE, 0);
	sys_prctl(PR_SET_PDEATHSIG, 0);
	sys_prctl(PR_SET_NAME, (unsigned long)"contexe-init");
}

void init_start(long *stack)
{
	char **argv = (char **)(stack + 1);
	int job, n_keep, signal_fd;
	unsigned int last;

	start_guard();
	if (stack[0] != 3 && (stack[0] != 4 || !start_is_views(argv[3])))
		start_fail("usage: contexe-init JOB_PID N_KEEP [views] (started by contexe, not by "
			   "hand)\n");
	job = start_number(argv[1], INIT_MAX_PID);
	n_keep = start_number(argv[2], INIT_MAX_KEEP);
	if (job < 0 || job == 1 || n_keep < !job)
		start_fail("JOB_PID must be 2 or more, or 0; N_KEEP 0 to 8\n");
	if (sys_getpid() != 1)
		start_fail("must be pid 1 of a pid namespace\n");
	if (job && !start_has_child(job))
		start_fail("JOB_PID is not a child of this process\n");
	last = INIT_FD_KEEP + (unsigned int)n_keep - 1;
	if (!start_has_fds(last))
		start_fail("descriptors 3 to 5 + N_KEEP must be open\n");
	sys_close_range(last + 1, ~0u);
	signal_fd = signals_open();
	if (signal_fd < 0)
		start_fail("no signalfd(2)\n");
	/*
	 * Descriptors 0 to 2 are closed, not pointed at /dev/null: nothing here uses them from now
	 * on, and a path in a file system that the job may command can be anything, a FUSE file
	 * that never opens for one.
	 */
	sys_close_range(0, INIT_FD_SUPERVISOR - 1);
	init_run(job, (unsigned int)n_keep, stack[0] == 4, signal_fd);
}
