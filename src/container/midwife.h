/* SPDX-License-Identifier: Apache-2.0 */
/*
 * midwife.h - a short-lived process between supervisor and builder, for a container that joins a user namespace.
 *
 * Namespaces belong to the user namespace that their maker is in, so that one must be joined before the others
 * are made; and who has joined it can never come back, so it cannot be the supervisor. The builder is born with
 * CLONE_PARENT: it is the supervisor's child, as ever.
 *
 *   supervisor                midwife                          builder
 *   fork ------------------>  enters the groups, joins
 *                             clone3 ----------------------->  waits for GO (builder.c)
 *       <-- BORN, pidfd       exits
 *   GO -------------------------------------------------------> goes on as in build.h
 */
#pragma once

#include "base/error.h"
#include "container/build_io.h"
#include "container/cgroup/cgroup.h"
#include "container/plan_data.h"

/* sync: the builder's end and ours, as sync_pair() gives them; both stay the caller's. The builder's pid, and its
 * pidfd in *ret_pidfd; or -errno, and nothing is left. */
int midwife_bear(const struct plan *plan, const struct cgroup *cg, const struct build_io *io,
		 const int sync[2], int *ret_pidfd, struct error *err) NODISCARD;
