/* SPDX-License-Identifier: Apache-2.0 */
/* freeze.h - the step of freezing that cgroup_kill() shares. */
#pragma once

#include "container/cgroup/group.h"

/* Freezes or thaws the main group and waits until deadline. 0, -ETIMEDOUT, -EOPNOTSUPP or -errno. */
int freeze_set(const struct cgroup *cg, bool freeze, uint64_t deadline);
