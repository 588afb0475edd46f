/* SPDX-License-Identifier: Apache-2.0 */
/* member.h - members of one group, for the files of this room. */
#pragma once

#include "container/cgroup/group.h"

/* Moves a process into that group alone. 0 or -errno. */
int group_attach(const struct group *g, pid_t pid) NODISCARD;

/* Appends the pids in the group and below it to a malloc'ed array. 0 or -errno (the array stays valid). */
int group_pids(const struct group *g, pid_t **pids, size_t *n) NODISCARD;
