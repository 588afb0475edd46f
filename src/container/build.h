/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h - the birth of a container: one clone3 with the new namespaces, and two processes in it.
 *
 *   supervisor (outside)        builder (becomes pid 1)            job (pid 2)
 *   clone3 ------------------>  waits for its id maps
 *   writes id maps, GO ------>  enters groups, builds namespaces,
 *   does what else is to do     tree, console
 *              <-- CONSOLE fd   (only with a terminal)
 *   GO ---------------------->  stands still ------------------->  begins in its memory (vfork), tells BUILT,
 *                                                                  user, capabilities, seccomp, execve
 *                               executes contexe-init
 *   If it is to wait for START, the job is a copy (fork), and contexe-init is executed meanwhile.
 *              <-- end of file on the sync socket: both have executed; or one ERROR message
 *
 * Where a user namespace is joined, a process in between makes the builder: midwife.h.
 * With init "none" the builder itself is the job. Where a process outside leads the container (init "leader") there
 * is none.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "container/build_io.h"
#include "container/cgroup/cgroup.h"
#include "container/plan_data.h"
#include "sys/pidref.h"

struct build_result {
	struct pidref init; /* pid 1 */
	struct pidref job;  /* PIDREF_NONE: pid 1 is the job */
	int views;	    /* /dev/fuse of the mounted views, -EBADF: there are none */
	int console;	    /* pty master, -EBADF without a terminal */
	int sync; /* end of file: the job has executed; else a message, see build_wait_started() */
};

/*
 * Builds. On success pid 1 lives and the job is about to execute, or waits for io->start_fd.
 * On failure nothing is left (the groups are the caller's). *ret is the caller's.
 */
int container_build(const struct plan *plan, const struct cgroup *cg, const struct build_io *io,
		    struct build_result *ret, struct error *err) NODISCARD;

/* Waits until the job has executed (closes *sync), or tells why it could not: error with exit code 126
 * (cannot be executed) or 127 (not found). */
int build_wait_started(int *sync, struct error *err) NODISCARD;
