/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - which hierarchies are mounted, which controllers they hold, and where in them we may make
 * groups (the base). The mounts are read once from /proc/self/mountinfo.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "container/cgroup/cgroup.h"

enum controller {
	CTL_CPU,
	CTL_CPUACCT,
	CTL_CPUSET,
	CTL_MEMORY,
	CTL_IO,
	CTL_PIDS,
	CTL_HUGETLB,
	CTL_DEVICES,
	CTL_FREEZER,
	CTL_NET_CLS,
	CTL_NET_PRIO,
	CTL_RDMA,
	CTL_MISC,
	CTL_DMEM,
	N_CONTROLLERS,
	CTL_NONE = N_CONTROLLERS, /* a file that every group has */
};
#define CTL_BIT(ctl) (1u << (ctl))

/* The kernel's name, NULL where that version has no such controller. */
const char *controller_name(enum controller ctl, bool v2);
/* The controller of that name (n characters), CTL_NONE when unknown. */
enum controller controller_find(const char *name, size_t n, bool v2);

/* CTL_BITs of the v2 names in words, which are cut apart. */
unsigned controller_mask(char *words);

struct hierarchy {
	bool v2;
	unsigned controllers; /* v1: CTL_BITs; v2: 0, see hierarchy_v2_controllers() */
	char *names;	      /* "memory", "cpu,cpuacct", "cgroup2" */
	char *mount;	      /* mount point */
	char *root;	      /* hierarchy_root() */
	_Atomic(char *) base; /* hierarchy_base() */
	atomic_uint offered;  /* hierarchy_v2_controllers() */
};

#define MAX_HIERARCHIES 16

struct layout {
	struct hierarchy h[MAX_HIERARCHIES];
	size_t n;
};

/* This mount namespace's layout; read at the first call (any thread). Never NULL. */
const struct layout *layout_get(void);

enum cgroup_layout layout_kind(const struct layout *l);

/*
 * cgroup2 at its usual place, NULL: it is not there. For who has a group in it and need not know what else is
 * mounted: that is not looked at.
 */
const struct hierarchy *layout_usual_v2(void);

/* The group that is mounted at the mount point, "/" as a rule. */
const char *hierarchy_root(const struct hierarchy *h);

/* Where groups may be made, below the mount point: "" or "/a/b"; NULL: nowhere. Looked up at the first
 * call (any thread). */
const char *hierarchy_base(const struct hierarchy *h);

/* The v2 hierarchy, or the v1 hierarchy of a controller, where groups can be made; else NULL. */
const struct hierarchy *layout_v2(const struct layout *l);
const struct hierarchy *layout_v1(const struct layout *l, enum controller ctl);
/* The hierarchy called names ("cgroup2", "cpu,cpuacct"), writable or not; else NULL. */
const struct hierarchy *layout_named(const struct layout *l, const char *names, size_t n);

/* CTL_BITs of the v2 controllers that may be switched on below the base. Read at the first
 * call. */
unsigned hierarchy_v2_controllers(const struct hierarchy *h);

/* Pure: takes the hierarchies out of the text of mountinfo (modified). */
void layout_parse(struct layout *l, char *mountinfo);
void layout_done(struct layout *l);

/* \ooo of mountinfo and of cgroup_describe(): decodes in place; appends encoded. */
void octal_decode(char *s);
void octal_encode(struct buf *out, const char *s);
