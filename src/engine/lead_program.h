/* SPDX-License-Identifier: Apache-2.0 */
/* lead_program.h - what a process does to come into a container that it shall lead, written as a program of system calls. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "checkpoint/inject/tracee.h"
#include "container/security/security.h"

struct lead_entry {
	pid_t init;	/* the container's process 1, as the leader sees it */
	uint64_t flags; /* CLONE_NEW* of the namespaces to enter */
	const char *
		cwd; /* where it is to be afterwards, if the container has that directory; else at the root */
	const struct security *security; /* what it may do from then on */
};

/*
 * Runs it in a stopped thread. *ret_inside: it has entered, so that a failure is one of what comes after, and it can
 * be left neither inside nor out. On failure of the entering itself, which is one call, nothing of the thread has
 * changed, but that it shares its working directory with no other process any more: -EPERM (it has no right to).
 */
int lead_enter(struct tracee *leader, const struct lead_entry *entry, bool *ret_inside,
	       struct error *err) NODISCARD;
