/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - who forks whom, in which order, so that pids, parents, sessions and groups come out as they were.
 * Pure: task records in, a plan out; no system calls. The dump plans as well: it refuses what could not be made
 * again, and compares memory with that of the process which will be the forker.
 *
 * What the kernel allows decides: a session is inherited at fork and left only by setsid(2); a group is joined within
 * the session and while it exists; an orphan's parent becomes the nearest living subreaper ancestor or its
 * namespace's process 1. So a task whose session cannot come about from its real parent is forked by another (its
 * session's leader through a helper, or a stand-in for a leader that is dead), whose death gives the orphan to
 * its real parent. Stand-ins have the pid of the dead leader, other helpers one that no task has. Whether a parent of
 * orphans is a subreaper now does not matter: it was one, so it is one while the tree is made.
 *
 * Order of what happens to a birth; "all:" lines are barriers that every birth reaches before any goes on:
 *
 *   become a subreaper, clone the early children, setsid or setpgid(0, 0), clone the others
 *   all: born             (groups exist) setpgid(0, pgrp), and for children with forker_joins
 *   all: joined           leaders that are members elsewhere: setpgid(0, pgrp)
 *   all: moved            (only with n_late) helpers die, forkers reap them
 *   all: helpers dead     orphans see their real parent; zombies end
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "checkpoint/kind/task_record.h"
#include "checkpoint/tree/birth.h"

/*
 * Plans. tasks: all task records, in any order. Everything lives in the arena. -ENOTSUP naming the task whose place
 * cannot be made again; -EBADMSG for records that cannot be (two with one pid, no process 1, a parent that is none).
 */
int tree_plan(const struct task_record *const *tasks, size_t n, struct arena *arena,
	      struct tree *ret, struct error *err) NODISCARD;

/* The birth of a task; NULL. */
struct birth *tree_find(const struct tree *t, pid_t pid);
/* The nearest forker that is a task: whose memory it is born with. NULL for process 1. */
const struct birth *birth_origin(const struct birth *b);

/* One line a birth, for --dry-run. */
void tree_print(const struct tree *t, struct buf *out);
