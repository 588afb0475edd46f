/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - the last steps of a process before it becomes the program: session, descriptors, user, limits,
 * capabilities, filter, execve(2). The same for the container's job and for exec.
 */
#pragma once

#include "base/error.h"
#include "container/security/security.h"

struct job {
	char **argv, **envp;
	const char *cwd;
	const char *user; /* "name", "name:group", "uid:gid"; NULL: ids of security */
	const struct strings *group_add; /* more group names or ids; may be NULL */
	const struct security *security;
	const int *stdio;    /* descriptors for 0, 1, 2; ignored when tty >= 0 */
	int tty;	     /* pty slave, -EBADF: none */
	int start_fd;	     /* wait for a byte here first; -EBADF: do not */
	const int *preserve; /* become 3, 4, ... */
	size_t n_preserve;
};

/* Never returns: the program runs, or the reason goes to sync (see sync.h) with the exit code to use. */
NORETURN void job_execute(const struct job *job, int sync);
