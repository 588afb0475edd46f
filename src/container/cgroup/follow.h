/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - into the control groups of another process, whoever made them: in every hierarchy of version 1, those with
 * a name only (name=systemd) as well, and in version 2.
 *
 * What is to be followed is opened first, while we see the machine's hierarchies; entering is one write(2) each.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define FOLLOW_MAX 64

struct cgroup_follow {
	int fds[FOLLOW_MAX]; /* `tasks` or `cgroup.procs`, for writing */
	size_t n;
};

/*
 * Opens the groups that pid is in and we are not. proc: an open /proc. -ENOENT: one is in a hierarchy that is not mounted
 * here, or outside of what is; -EACCES: one may not be entered by us; -EBUSY: one is frozen; or another -errno, and nothing is open.
 */
int cgroup_follow_open(int proc, pid_t pid, struct cgroup_follow *ret, struct error *err) NODISCARD;

/* Moves the caller, which must have one thread. 0 or -errno. */
int cgroup_follow_enter(const struct cgroup_follow *f, struct error *err) NODISCARD;

void cgroup_follow_done(struct cgroup_follow *f);
