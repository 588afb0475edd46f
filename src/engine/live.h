/* SPDX-License-Identifier: Apache-2.0 */
/* live.h - a container's processes and groups as its supervisor holds them. Filled by bringup.h, emptied by bringdown(). */
#pragma once

#include <stdbool.h>

#include "base/fd.h"
#include "container/cgroup/cgroup.h"
#include "engine/views.h"
#include "sys/pidref.h"

/* What lives as long as the processes do. */
struct live {
	struct cgroup *cg;
	struct pidref init, job;
	int channel;	    /* to contexe-init */
	int listen;	    /* ctl */
	int start_fd;	    /* a byte here lets the job run; -EBADF: it runs */
	int sync;	    /* until the job has executed */
	struct views views; /* its own /proc files */
	bool own_init, own_pidns;
	bool led;	 /* job is a process outside, and has come in: it ends with the container */
	char stdio[160]; /* what the job's 0, 1, 2 are: stdio_describe() */
};
#define LIVE_NONE                                                                                  \
	((struct live){ .init = PIDREF_NONE,                                                       \
			.job = PIDREF_NONE,                                                        \
			.channel = FD_NONE,                                                        \
			.listen = FD_NONE,                                                         \
			.start_fd = FD_NONE,                                                       \
			.views = VIEWS_NONE,                                                       \
			.sync = FD_NONE })
