/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - from the resources of the specification to control files: one table (limits.c), and the
 * limits that are lists or that take two fields together (limits_lists.c).
 */
#pragma once

#include "container/cgroup/settings.h"

/* What can be limited here, and how. */
struct limits_place {
	const struct layout *layout; /* asked when a limit needs it; NULL: the next three hold */
	unsigned v1, v2;	     /* CTL_BITs */
	enum cgroup_layout kind;
	bool creating; /* "no limit" needs nothing then */
	int v2_fd;     /* the group on an update (its present values count), else FD_NONE */
};

/* This machine's. */
struct limits_place limits_place_here(bool creating, int v2_fd);

/*
 * Appends the settings for all limits in res (devices apart). -EOPNOTSUPP: no controller or no such
 * limit in this version; -EINVAL, -ERANGE: the value means nothing. Touches nothing; reads only v2_fd.
 */
int limits_plan(const struct spec_resources *res, const struct limits_place *place,
		struct settings *out, struct error *err) NODISCARD;

/* ---- between limits.c and limits_lists.c ---- */

/* Where a limit goes. 1: v2, 0: v1, or -EOPNOTSUPP with the remedy. */
int limits_where(const struct limits_place *place, const char *limit, enum controller ctl,
		 struct error *err) NODISCARD;
/* The error for a value that means nothing. */
int limits_bad_value(const char *limit, const char *given, const char *hint, int errnum,
		     struct error *err) NODISCARD;
int limits_plan_lists(const struct spec_resources *res, const struct limits_place *place,
		      struct settings *out, struct error *err) NODISCARD;
