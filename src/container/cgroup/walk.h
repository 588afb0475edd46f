/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h - a group and all groups below it. One descriptor is held however deep it goes, since a
 * container that may make groups of its own decides the depth.
 */
#pragma once

#include <stdbool.h>

/*
 * Calls fn once for every directory below dirfd (O_PATH is fine) and for dirfd itself: the parent first,
 * or with depth_first the children first. fn gets a descriptor of the parent and the name in it; for the
 * top: dirfd and ".". Groups that vanish meanwhile are passed over. Stops at the first value other than
 * 0 that fn returns and returns it; else 0 or -errno.
 */
typedef int walk_fn(void *arg, int parent, const char *name);
int walk_groups(int dirfd, bool depth_first, walk_fn *fn, void *arg);

/* Whether the group has groups below it. */
bool walk_has_children(int dirfd);
