/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - what is asked of a dump, and what comes of it: plain data. See dump.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/inject/tracee.h"
#include "checkpoint/kind/collect.h"

struct dump_request {
	tracees_lister lister; /* the container's processes */
	void *lister_arg;
	pid_t init;	   /* process 1, as we see it */
	const char *upper; /* its private layer on the host; NULL: none */
	const struct external *externals;
	size_t n_externals;
	const struct known_filter
		*filter; /* of the job, where the kernel does not tell us; NULL: not known */
	enum tcp_mode tcp;
	unsigned timeout_ms; /* to stop all tasks */
	bool leave_running;
	bool dry_run; /* look, refuse, write nothing */
	/* Called when all tasks are stopped and everything is collected: the private layer, the clocks. May be NULL. */
	int (*stopped)(void *arg, struct image_writer *w, struct error *err);
	/*
	 * Not leave_running: called last, with all tasks stopped, to bring the image to an end that lasts. What fails here can
	 * still be put back; after it the tasks are killed. May be NULL.
	 */
	int (*last)(void *arg, struct error *err);
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
