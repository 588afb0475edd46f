/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.h - one directory in one hierarchy, and the bundle of them that a container has.
 *
 * Invariant: groups[0], if there is one, is the main group: the v2 group, or the one in the v1 freezer,
 * or whatever there is. Membership, freezing and killing go by it.
 */
#pragma once

#include "base/fd.h"
#include "container/cgroup/layout.h"

struct group {
	const struct hierarchy *h;
	int fd;	       /* O_PATH */
	char *dir;     /* absolute */
	unsigned made; /* directories above it that were made with it, and go with it */
};

struct cgroup {
	char *rel_path;	  /* "/a/b" in every hierarchy; NULL: name, below the base */
	char *name;	  /* below the base of each hierarchy */
	bool shared_path; /* the name was given as a path: what is beside and below may be others' */
	struct group groups[MAX_HIERARCHIES];
	size_t n;
};

/* The v2 group, the v1 group that counts or limits ctl, the main group; NULL where there is none. */
struct group *cgroup_group_v2(const struct cgroup *cg);
struct group *cgroup_group_v1(const struct cgroup *cg, enum controller ctl);
struct group *cgroup_group_main(const struct cgroup *cg);

/* Makes the container's directory in h and appends it. 0 (also when it has one) or -errno. */
int cgroup_add_group(struct cgroup *cg, const struct hierarchy *h, struct error *err) NODISCARD;

/* "/a//b/" -> "/a/b", malloc'ed. -EINVAL for what is empty, too long or has ".." in it. */
int group_clean_path(const char *path, char **ret) NODISCARD;

/* Makes the v1 groups and switches on the v2 controllers that the settings need. */
struct settings;
int cgroup_add_for(struct cgroup *cg, const struct settings *s, struct error *err) NODISCARD;

/* Switches the v2 controllers (CTL_BITs) on in every group from the base down to the parent of g. */
int group_enable(const struct group *g, unsigned controllers, struct error *err) NODISCARD;

/* Removes the directory with all below it, waiting until deadline (CLOCK_MONOTONIC ns). 0 or -errno. */
int group_remove(const struct group *g, uint64_t deadline);

/* Closes and forgets, the directory stays. */
void group_done(struct group *g);
