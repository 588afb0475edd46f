/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h - a container is written down.
 *
 * Stop all its tasks, look at everything they hold, write it, let them go on (or leave the killing to the caller). What
 * cannot be carried is collected as refusals, all of them, and nothing is written as valid then. Whatever fails, the tasks
 * go on as if nothing had happened.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/inject/tracee.h"
#include "checkpoint/kind/collect.h"

struct dump_request {
	tracees_lister lister; /* the container's processes */
	void *lister_arg;
	pid_t init;	   /* process 1, as we see it */
	const char *upper; /* its private layer on the host; NULL: none */
	const struct external *externals;
	size_t n_externals;
	enum tcp_mode tcp;
	unsigned timeout_ms; /* to stop all tasks */
	bool leave_running;
	bool dry_run; /* look, refuse, write nothing */
	/* Called when all tasks are stopped and everything is collected: the private layer, the clocks. May be NULL. */
	int (*stopped)(void *arg, struct image_writer *w, struct error *err);
	void *arg;
};

struct dump_result {
	struct refusal *refusals; /* in the arena given */
	size_t n_refusals;
	uint32_t n_tasks, n_threads, n_files;
	uint64_t frozen_ns;
	uint64_t page_bytes;
	/* Not leave_running and success: the tasks, still stopped, to be killed or released by the caller. */
	struct tracees tracees;
};

/*
 * Dumps to w (NULL on a dry run); the caller puts records of its own and calls image_finish(). -ENOTSUP when there are
 * refusals (the error tells of the first). On failure all tasks run.
 */
int dump(const struct dump_request *req, struct image_writer *w, struct arena *arena,
	 struct dump_result *ret, struct error *err) NODISCARD;
