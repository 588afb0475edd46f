/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - which processes are a container's: those of its control group, or, where it has none, the descendants of its process 1. */
#pragma once

#include <sys/types.h>

#include "container/cgroup/cgroup.h"

struct container_tasks {
	const struct cgroup *cg; /* NULL: none */
	pid_t init;
};

/* Appends host pids to the malloc'ed array *pids. 0 or -errno. */
int container_pids(const struct container_tasks *t, pid_t **pids, size_t *n) NODISCARD;
