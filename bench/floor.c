/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.c - the least that running a program in a container can cost: one clone3(2) with six namespaces,
 * the root file system bound and pivoted to, /proc mounted, the program executed, its end waited for.
 * Nothing is checked, limited, dropped or recorded: what a container engine takes beyond this is its own.
 *
 * usage: floor [-n] ROOTFS PROGRAM [ARG...]          -n: stay in the network namespace
 * Exits as the program does; 125 when the container could not be made. Link it statically.
 */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 125

static int build(const char *rootfs)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	       mount(rootfs, rootfs, NULL, MS_BIND, NULL) < 0 || chdir(rootfs) < 0 ||
	       syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	       mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0;
}

int main(int argc, char **argv)
{
	int own_net = !(argc > 1 && strcmp(argv[1], "-n") == 0);
	argv += own_net ? 1 : 2;
	argc -= own_net ? 1 : 2;
	if (argc < 2) {
		(void)fputs("usage: floor [-n] ROOTFS PROGRAM [ARG...]\n", stderr);
		return CANNOT;
	}
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID |
			 CLONE_NEWCGROUP | (own_net ? (uint64_t)CLONE_NEWNET : 0),
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		if (build(argv[0]) == 0)
			execv(argv[1], argv + 1);
		perror("floor");
		_exit(CANNOT);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("floor");
		return CANNOT;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
