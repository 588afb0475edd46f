/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor-setns.c - the least that executing a program in a running container can cost: a pidfd, one
 * setns(2) into all of its namespaces, fork, exec, wait.
 *
 * usage: floor-setns PID PROGRAM [ARG...]            PID: any process of the container
 * Exits as the program does; 125 when the container could not be entered. Link it statically.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 125

int main(int argc, char **argv)
{
	if (argc < 3) {
		(void)fputs("usage: floor-setns PID PROGRAM [ARG...]\n", stderr);
		return CANNOT;
	}
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	if (pidfd < 0 || setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
					      CLONE_NEWPID | CLONE_NEWCGROUP) < 0) {
		perror("floor-setns");
		return CANNOT;
	}
	pid_t pid = vfork();
	if (pid == 0) {
		close(pidfd);
		execv(argv[2], argv + 2);
		_exit(CANNOT);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("floor-setns");
		return CANNOT;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
