/* SPDX-License-Identifier: Apache-2.0 */
/* birth.h - who is born of whom: the plan of tree.h as data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/kind/task_record.h"

/* One birth: a process of the image, or a helper that lives only while others are born. */
struct birth {
	const struct task_record *task; /* NULL: a helper */
	struct u64s pids;		/* in each namespace from the container's down to its own */
	pid_t pid;			/* pids.v[0] */
	struct birth *forker;		/* who clones it; NULL: process 1 */
	struct birth **children;	/* in the order of cloning, helpers among them */
	size_t n_children;
	size_t n_early;	  /* the first n_early are cloned before our own setsid(2) or setpgid(2) */
	bool adopts;	  /* a subreaper while orphans are being left to it */
	bool setsid;	  /* it leads its session (process 1 has done so already) */
	bool makes_group; /* setpgid(0, 0) before it clones the others */
	pid_t joins; /* setpgid(0, joins), as its own namespace numbers it; 0: is there already */
	bool joins_late; /* only when all others have joined: its own group is needed until then */
	pid_t forker_joins; /* its namespace does not see the group: the forker does it, in its own numbers */
	bool new_pidns; /* CLONE_NEWPID: process 1 of a nested namespace */
	bool zombie;	/* ends at the end of the plan; is not reaped */
	pid_t parent;	/* what getppid() tells in the end; 0 for process 1. Container's numbers */
	bool orphaned;	/* its forker is a helper: it waits for its parent */
	uint32_t index; /* in tree.v */
};

struct tree {
	struct birth **v; /* forkers before their children; v[0] is process 1 */
	size_t n;
	size_t n_helpers;
	size_t n_late; /* births with joins_late */
	pid_t spare;   /* a number that nobody has, for a process that lives for a moment */
};
