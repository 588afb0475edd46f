/* SPDX-License-Identifier: Apache-2.0 */
/* precheck.h - values that v2 takes without a word although they cannot be meant. */
#pragma once

#include "container/cgroup/settings.h"

/*
 * -EBUSY (not for a fresh group): memory.max below what the container holds and cannot give back (the
 * kernel would kill in it); with strict (OCI: checkBeforeUpdate) below all that it uses, caches included.
 * -ERANGE: CPUs or memory nodes that are not there (the kernel would use those of the group above).
 */
int precheck_settings(const struct settings *s, const struct cgroup *cg, bool fresh, bool strict,
		      struct error *err) NODISCARD;
