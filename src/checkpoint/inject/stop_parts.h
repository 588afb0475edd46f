/* SPDX-License-Identifier: Apache-2.0 */
/* stop_parts.h - a stop in progress: stop.c and, for what does not stop, stuck.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "checkpoint/inject/rescue.h"
#include "checkpoint/inject/tracee.h"

struct stop {
	struct tracees *t;
	tracees_lister lister;
	void *arg;
	int64_t deadline;
	struct error *err;
	size_t n_changes; /* found or lost since the pass began: each may have made room for what we do not know */
	size_t n_waiting; /* traced and not stopped, but for loose ones */
	size_t n_loose;
	bool incomplete; /* the last look showed threads that could not be seized */
	int64_t ask_at;	 /* when to look again for what holds a thread */
	struct rescue rescue;
};

/* It ended, or is no more ours. Its place in v is kept until the end, without a state. */
void stop_lost(struct stop *s, struct tracee *t);
/* On from a trap that is not the one we want, or on for a while. */
void stop_go_on(struct tracee *t, int signal);
/*
 * Looks at what has not stopped yet: lets loose what it waits for; and finds out what is not ours any more, where
 * waitpid(2) does not tell since it is a child of this process.
 */
void stop_loosen(struct stop *s);
/* Those let loose have done what they were let loose for, perhaps: if not, they will be once more. */
void stop_tighten(struct stop *s);
/* The error for what does not stop in time. */
int stop_stuck(struct stop *s);
