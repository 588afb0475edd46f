/* SPDX-License-Identifier: Apache-2.0 */
/* tracees_parts.h - what stop.c fills in and tracees.c keeps. */
#pragma once

#include <stdint.h>

#include "checkpoint/inject/home.h"
#include "checkpoint/inject/tracee.h"

struct traced_process {
	pid_t tgid;
	uint32_t known; /* of its threads, those that were found and have not ended */
	struct home *home;
};

struct tracees_parts {
	struct traced_process *processes; /* by rank */
	size_t n_processes, cap_processes;
	uint32_t *slots; /* the index by tid: place in v + 1 */
	size_t n_slots;	 /* a power of 2 */
	struct home_gates *gates;
};

/* A thread whose state is 0 has ended: it keeps its place until the stop is complete, and is not found. */

/* Adds a thread. Pointers to others become invalid. */
struct tracee *tracees_add(struct tracees *t, pid_t tid, pid_t tgid, uint32_t process);
/* After v was reordered. */
void tracees_reindex(struct tracees *t);
