/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - who forks whom, in which order, so that pids, parents, sessions and groups come out as they were. Pure: task
 * records in, a plan out; no system calls. See docs/restore-order.md.
 *
 * What the kernel allows decides: a session is inherited at fork and left only by setsid(2) of a process that leads no group;
 * a group is joined within the session and while it has members; an orphan's parent becomes the nearest
 * living subreaper ancestor or its namespace's process 1. So a task whose session or parent cannot come about from its real
 * parent is forked by another (its session's leader, or a stand-in for one that is dead), through a short-lived helper
 * that dies, which gives the orphan to its real parent.
 */
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
	pid_t pid; /* container number: fixed for tasks and for stand-ins of dead leaders; 0: a helper with any */
	struct birth *forker;	 /* who clones it; NULL: process 1 */
	struct birth **children; /* in the order of cloning; helpers among them */
	size_t n_children;
	size_t n_early; /* the first n_early of them are cloned before our own setsid (they keep the older session) */
	bool setsid;	/* it leads its session */
	pid_t pgrp;	/* group to be in at the end: own pid: setpgid(0, 0); 0: stay as born */
	bool orphaned;	/* its forker is a helper that dies: it waits until getppid() == parent */
	pid_t parent;	/* what getppid() must tell at the end */
	bool new_pidns; /* CLONE_NEWPID: process 1 of a nested namespace */
	bool zombie;	/* ends at the end of the plan; is not reaped */
	uint32_t depth; /* generations from process 1 */
};

struct tree {
	struct birth **v; /* every birth, forkers before their children */
	size_t n;
	size_t n_helpers;
};

/*
 * Plans. tasks: all task records. -ENOTSUP naming the task whose place cannot be made (a parent outside, a session
 * whose leader is outside and is not inherited from process 1).
 */
int tree_plan(const struct task_record *const *tasks, size_t n, struct arena *arena,
	      struct tree *ret, struct error *err) NODISCARD;

/* One line a birth, for --dry-run. */
struct buf;
void tree_print(const struct tree *t, struct buf *out);
