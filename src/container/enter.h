/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enter.h - a new process in a container that lives: exec. setns(2) by pidfd (no pid can be reused
 * meanwhile), then a fork into the pid namespace and the control groups.
 */
#pragma once

#include "base/error.h"
#include "container/cgroup/cgroup.h"
#include "container/job.h"
#include "sys/pidref.h"

struct enter_result {
	struct pidref process;
	int console; /* pty master, or -EBADF */
	int sync;    /* see build_wait_started() */
};

/*
 * The job runs in the namespaces of target. job->tty >= 0 asks for a terminal (opened inside; the value
 * is not used), of rows x cols.
 * THE CALLER ITSELF ENTERS the target's namespaces (but for pid) and stays there: call it in a process
 * that has nothing else to do outside. All descriptors it needs must be open.
 * may_be_traced: something in the container may have CAP_SYS_PTRACE in our user namespace.
 */
int container_enter(struct pidref *target, const struct cgroup *cg, const struct job *job,
		    bool may_be_traced, bool terminal, uint16_t rows, uint16_t cols,
		    struct enter_result *ret, struct error *err) NODISCARD;
