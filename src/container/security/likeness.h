/* SPDX-License-Identifier: Apache-2.0 */
/*
 * likeness.h - a process becomes like another: limits, scheduling, ids, capabilities, filters. For hijack (hijack.h).
 *
 * Order of use, all but the first two in the process that changes:
 *   likeness_read()         from outside, in the other's own terms; the caller adds what only a visit can tell
 *                           (securebits, dumpable, filters)
 *   likeness_apply_early()  while it has the power that it was born with: a user namespace takes that away
 *   likeness_apply_ids()    in the namespaces of the other, where it has all capabilities
 *   likeness_apply_last()   limits, label, no_new_privs, the final capabilities, filters: nothing but fork follows
 *
 * What is so already is not touched, so that without privilege one may become like a process that is one's own.
 */
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/error.h"
#include "proc/traits.h"
#include "sys/sched.h"

struct likeness_filter {
	struct sock_filter *v;
	unsigned short n;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_LOG */
};

#define LIKENESS_CPUS 1024 /* bytes: 8192 processors */

struct likeness {
	struct rlimit limits[RLIM_NLIMITS];
	struct sys_sched schedule;
	bool schedule_later; /* fork(2) would not hand it on: likeness_set_schedule() from outside, afterwards */
	uint8_t cpus[LIKENESS_CPUS];
	size_t cpus_size;
	int io_priority;
	int oom_score_adj;
	unsigned long personality, timer_slack; /* slack 0: not told */
	char label[256];			/* of the LSM; "": there is none */
	int label_fd; /* where the caller writes its own; -EBADF: it has the same */
	bool apparmor;
	unsigned securebits;
	bool dumpable;
	struct likeness_filter *filters; /* the oldest first */
	size_t n_filters;
};
#define LIKENESS_INIT                                                                              \
	{                                                                                          \
		.label_fd = -EBADF                                                                 \
	}

/* proc: an open /proc. -ESRCH, -EPERM or -errno. */
int likeness_read(int proc, pid_t pid, struct likeness *ret, struct error *err) NODISCARD;

/* While /proc/self is the caller's own: it must be dumpable, or root. */
int likeness_apply_oom_score_adj(const struct likeness *l, struct error *err) NODISCARD;
int likeness_apply_early(const struct likeness *l, struct error *err) NODISCARD;

/* theirs, ours: ids as seen from one user namespace, the one of before, to tell what differs; inside: theirs as the
 * present one names them. */
int likeness_apply_ids(const struct likeness *l, const struct proc_traits *theirs,
		       const struct proc_traits *ours, const struct proc_traits *inside,
		       struct error *err) NODISCARD;

int likeness_apply_limits(const struct likeness *l, struct error *err) NODISCARD;
int likeness_apply_label(const struct likeness *l, struct error *err) NODISCARD;
/* The filters may forbid all that comes afterwards: the caller has closed and restored everything before. */
int likeness_apply_last(const struct likeness *l, const struct proc_traits *inside,
			struct error *err) NODISCARD;

/* For schedule_later. 0 or -errno. */
int likeness_set_schedule(pid_t pid, const struct sys_sched *s) NODISCARD;
