/* SPDX-License-Identifier: Apache-2.0 */
/* hijack_source.h - the process that a child shall be like: found, and read. For hijack.c alone. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "container/cgroup/follow.h"
#include "container/hijack_request.h"
#include "container/security/likeness.h"
#include "sys/pidref.h"

struct hijack_source {
	struct arena arena;
	struct pidref process;
	bool self;	     /* it is the caller */
	int proc;	     /* /proc, open */
	int root, cwd;	     /* its directories */
	uint64_t namespaces; /* those that differ: CLONE_NEW* */
	struct cgroup_follow groups;
	struct proc_traits theirs, ours; /* as our user namespace names them */
	struct likeness like;
	char **envp; /* where a program is to be executed */
};

/* parent: who called. In the helper: a source may be stopped for a moment, which a parent of it would hear of. */
int hijack_source_find(struct hijack_source *s, const struct hijack *h, pid_t parent,
		       struct error *err) NODISCARD;
int hijack_source_read(struct hijack_source *s, const struct hijack *h, struct error *err)
	NODISCARD;

/* Ids as the present user namespace names them. -EAGAIN: the source is in another one by now. */
int hijack_source_inside(const struct hijack_source *s, struct arena *arena,
			 struct proc_traits *ret, struct error *err) NODISCARD;

/* All descriptors. */
void hijack_source_close(struct hijack_source *s);

/* hijack_group.c: the lead of a control group, as a pidref: see there. fd: of its tasks or cgroup.procs. */
int hijack_group_lead(int proc, int fd, struct pidref *ret, struct error *err) NODISCARD;

/* hijack_visit.c: what only the source can tell: securebits, dumpable, filters. */
int hijack_visit(struct hijack_source *s, struct error *err) NODISCARD;
