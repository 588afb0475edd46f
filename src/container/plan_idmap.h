/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_idmap.h - the id-mapped mounts of a plan. They can only be made outside the container's user namespace, and must
 * be there before the builder is born, who takes over the descriptors.
 */
#pragma once

#include "container/plan_data.h"

/*
 * Makes them all: root and layers where the spec says contexe.idmap (directories of the private layer must exist),
 * volumes with the option idmap or with maps of their own. The plan owns the descriptors. 0 or -errno.
 */
int plan_map_ids(struct plan *p, struct error *err) NODISCARD;

/*
 * Once in each process that has them: by the builder when the tree is built (a job must not find them as /proc/self/fd/N:
 * they lead outside), by the engine with plan_done().
 */
void plan_close_mapped(const struct plan *p);

/* Whether the file systems of these paths (which may be NULL) can be mapped by these maps: asked by trying. */
bool plan_can_map(const struct spec_linux *maps, const char *const *paths, size_t n);
