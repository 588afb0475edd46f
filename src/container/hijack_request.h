/* SPDX-License-Identifier: Apache-2.0 */
/* hijack_request.h - what hijack() is asked for. See hijack.h. */
#pragma once

#include <signal.h>

enum hijack_which { HIJACK_PID = 1, HIJACK_CGROUP = 2, HIJACK_PIDFD = 3 };

struct hijack {
	unsigned long clone_flags; /* CLONE_NEW* and the exit signal */
	enum hijack_which which;
	int id;
	/* For a program, NULL: none. The child has no descriptors but 0, 1 and 2, cannot be dumped before it executes,
	 * and the call returns when it has. The environment is the source's, with env in front. */
	char **argv;
	char **env;	      /* "NAME=value"; NULL: none */
	const sigset_t *mask; /* the child's signal mask; NULL: the caller's */
};
