/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - which devices the container may open and make. */
#pragma once

#include "container/cgroup/group.h"

/*
 * Puts the rules in force for the container's group: as an eBPF program on the v2 group, which replaces
 * the one of an earlier call in one step (fresh: a new group, there is none); where the kernel has no
 * such programs, or on v1 only, through the v1 controller `devices`, whose group is made if need be.
 * n == 0: nothing.
 *
 * Without privilege in the initial user namespace neither can be done, and nobody in the container can
 * make a device node either: nothing is done then, and that is success.
 */
int device_apply(struct cgroup *cg, bool fresh, const struct spec_device_rule *rules, size_t n,
		 struct error *err) NODISCARD;
