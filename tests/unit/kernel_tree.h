/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_tree.h - the kernel's rules of the process tree, in memory: fork, setsid, setpgid, exit, wait, subreapers, nested
 * pid namespaces. Every call gives 0 (or a process) or -errno, as the kernel would.
 *
 * A process is its index; groups and sessions are indices of their leaders, who may be long dead: as with the kernel's
 * struct pid, a number is not given again while a group or session has it.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define KERNEL_PROCS  512
#define KERNEL_LEVELS 4
#define KERNEL_SPACES 16

struct kernel_proc {
	bool used, living,
		zombie; /* used: its index is taken, maybe only as a leader's that is gone */
	int parent;	/* -1: outside */
	int pgrp, sid;
	int space; /* pid namespace */
	pid_t pids[KERNEL_LEVELS];
	int n_levels;
	bool subreaper, has_subreaper, executed;
};

struct kernel {
	struct kernel_proc v[KERNEL_PROCS];
	int n;
	struct kernel_space {
		int init, up;
		int level;
		pid_t next;
	} spaces[KERNEL_SPACES];
	int n_spaces;
};

static inline bool kernel_present(const struct kernel *k, int p)
{
	return k->v[p].living || k->v[p].zombie;
}

/* Whether a number means somebody, or a group or session, in that namespace. */
static inline bool kernel_sees(const struct kernel *k, int space, int p, int *level)
{
	*level = k->spaces[space].level;
	int s = k->v[p].space;
	while (k->spaces[s].level > *level)
		s = k->spaces[s].up;
	return s == space;
}

/* The index that has a number in a namespace as a process, group or session; -1. */
static inline int kernel_find(const struct kernel *k, int space, pid_t number)
{
	for (int p = 0; p < k->n; p++) {
		int level;
		if (!k->v[p].used || !kernel_sees(k, space, p, &level) ||
		    k->v[p].pids[level] != number)
			continue;
		bool held = kernel_present(k, p);
		for (int o = 0; o < k->n && !held; o++)
			held = kernel_present(k, o) && (k->v[o].pgrp == p || k->v[o].sid == p);
		if (held)
			return p;
	}
	return -1;
}

/* What a process, group or session is called in a namespace; 0: it is not seen there. */
static inline pid_t kernel_number(const struct kernel *k, int space, int p)
{
	int level;
	return p >= 0 && kernel_sees(k, space, p, &level) ? k->v[p].pids[level] : 0;
}

static inline void kernel_init(struct kernel *k)
{
	memset(k, 0, sizeof(*k));
	k->n = 1;
	k->v[0] = (struct kernel_proc){
		.used = true, .living = true, .parent = -1, .pids = { 1 }, .n_levels = 1
	};
	k->spaces[0] = (struct kernel_space){ .init = 0, .up = -1, .next = 2 };
	k->n_spaces = 1;
}

/* numbers: one for each level, outermost first, as set_tid; NULL: the next free ones. */
static inline int kernel_fork(struct kernel *k, int p, bool new_space, const pid_t *numbers)
{
	const struct kernel_proc *parent = &k->v[p];
	int space = parent->space;
	if (new_space) {
		if (k->n_spaces == KERNEL_SPACES || k->spaces[space].level + 1 == KERNEL_LEVELS)
			return -ENOSPC;
		k->spaces[k->n_spaces] = (struct kernel_space){
			.init = k->n, .up = space, .level = k->spaces[space].level + 1, .next = 1
		};
	}
	if (k->n == KERNEL_PROCS)
		return -EAGAIN;
	struct kernel_proc c = *parent;
	c.parent = p;
	c.subreaper = c.executed = false;
	c.has_subreaper = parent->has_subreaper || parent->subreaper;
	c.space = new_space ? k->n_spaces : space;
	c.n_levels = k->spaces[c.space].level + 1;
	int s = c.space;
	for (int level = c.n_levels - 1; level >= 0; level--, s = k->spaces[s].up) {
		if (numbers) {
			if (s < k->n_spaces && kernel_find(k, s, numbers[level]) >= 0)
				return -EEXIST;
			c.pids[level] = numbers[level];
			continue;
		}
		do {
			c.pids[level] = k->spaces[s].next++;
			if (k->spaces[s].next > 40 + k->n) /* numbers come again soon */
				k->spaces[s].next = 2;
		} while (s < k->n_spaces && kernel_find(k, s, c.pids[level]) >= 0);
	}
	k->n_spaces += new_space;
	k->v[k->n] = c;
	return k->n++;
}

static inline bool kernel_has_group(const struct kernel *k, int group)
{
	for (int p = 0; p < k->n; p++)
		if (kernel_present(k, p) && k->v[p].pgrp == group)
			return true;
	return false;
}

static inline int kernel_setsid(struct kernel *k, int p)
{
	if (k->v[p].sid == p || kernel_has_group(k, p))
		return -EPERM;
	k->v[p].sid = k->v[p].pgrp = p;
	return 0;
}

/* The numbers are those of the caller's namespace; 0: itself. */
static inline int kernel_setpgid(struct kernel *k, int caller, pid_t pid, pid_t pgid)
{
	int p = pid ? kernel_find(k, k->v[caller].space, pid) : caller;
	if (pid && !pgid)
		pgid = pid;
	if (p < 0 || !kernel_present(k, p))
		return -ESRCH;
	struct kernel_proc *t = &k->v[p];
	if (t->parent == caller && p != caller) {
		if (t->sid != k->v[caller].sid)
			return -EPERM;
		if (t->executed)
			return -EACCES;
	} else if (p != caller) {
		return -ESRCH;
	}
	if (t->sid == p)
		return -EPERM;
	int group = pgid ? kernel_find(k, k->v[caller].space, pgid) : p;
	if (group != p) {
		if (group < 0)
			return -EPERM;
		bool same = false;
		for (int o = 0; o < k->n; o++)
			if (kernel_present(k, o) && k->v[o].pgrp == group)
				same = k->v[o].sid == k->v[caller].sid;
		if (!same)
			return -EPERM;
	}
	t->pgrp = group;
	return 0;
}

static inline int kernel_new_reaper(const struct kernel *k, int father)
{
	const struct kernel_proc *f = &k->v[father];
	if (f->has_subreaper)
		for (int p = f->parent; p >= 0 && k->v[p].space == f->space; p = k->v[p].parent)
			if (k->v[p].subreaper && k->v[p].living)
				return p;
	return k->spaces[f->space].init;
}

static inline int kernel_exit(struct kernel *k, int p)
{
	if (k->spaces[k->v[p].space].init == p)
		return -EBUSY; /* would end its namespace */
	int reaper = kernel_new_reaper(k, p);
	for (int c = 0; c < k->n; c++)
		if (kernel_present(k, c) && k->v[c].parent == p)
			k->v[c].parent = reaper;
	k->v[p].living = false;
	k->v[p].zombie = true;
	return 0;
}

static inline int kernel_reap(struct kernel *k, int parent, int p)
{
	if (!k->v[p].zombie || k->v[p].parent != parent)
		return -ECHILD;
	k->v[p].zombie = false;
	return 0;
}

static inline void kernel_subreaper(struct kernel *k, int p, bool on)
{
	k->v[p].subreaper = on;
	for (int c = 0; on && c < k->n; c++)
		for (int a = k->v[c].parent; kernel_present(k, c) && a >= 0; a = k->v[a].parent)
			if (a == p)
				k->v[c].has_subreaper = true;
}
