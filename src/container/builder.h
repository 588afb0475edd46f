/* SPDX-License-Identifier: Apache-2.0 */
/* builder.h - the process that makes a container from inside and becomes its pid 1. See build.h. */
#pragma once

#include "container/build_io.h"
#include "container/cgroup/cgroup.h"
#include "container/plan_data.h"

/* The order of building is this one function. Ends in execve or sync_fail(). */
NORETURN void builder_main(const struct plan *plan, const struct cgroup *cg,
			   const struct build_io *io, int sync);

/* Opens the namespace file that a plan names. Descriptor or -errno. */
int builder_open_ns(const struct plan_join *join, struct error *err) NODISCARD;
