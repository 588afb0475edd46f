/* SPDX-License-Identifier: Apache-2.0 */
/* builder.h - the process that makes a container from inside and becomes its pid 1. See build.h. */
#pragma once

#include <stdint.h>

#include "container/build_io.h"
#include "container/cgroup/cgroup.h"
#include "container/plan_data.h"

/* The order of building is this one function. Ends in execve or sync_fail(). cg is NULL where there are no groups,
 * or the builder was born in all of them. */
NORETURN void builder_main(const struct plan *plan, const struct cgroup *cg,
			   const struct build_io *io, int sync);

/* The namespaces that it is born with, as flags of clone3(2). */
uint64_t builder_namespaces(const struct plan *plan);

/* Says why clone3(2) failed with this errno. Returns -errno. */
int builder_not_born(int e, struct error *err);

/* Opens the namespace file that a plan names. Descriptor or -errno. */
int builder_open_ns(const struct plan_join *join, struct error *err) NODISCARD;
