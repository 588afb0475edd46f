/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h - queued signals: taken from a stopped thread without touching them (PTRACE_PEEKSIGINFO), queued again by
 * the task itself, which alone may send any si_code (rt_sigqueueinfo(2)). In order, with all that siginfo holds.
 *
 * A pending SIGSTOP is not written: it cannot be blocked, so a task that has one is to be restored as stopped
 * by it (pending_stop()).
 */
#pragma once

#include "checkpoint/kind/task_kind.h"

#define PENDING_INFO_SIZE 128 /* siginfo_t */

struct pending_record {
	struct bytes infos;
};
extern const struct field pending_fields[];

/* shared: those of the process, which any of its threads may take; else those of the thread alone. */
int pending_collect(struct collect *c, const struct task_facts *t, bool shared,
		    struct pending_record *ret, struct error *err) NODISCARD;
int pending_emit(struct emit *e, const struct pending_record *rec, bool shared, struct error *err)
	NODISCARD;

/* Whether SIGSTOP is pending. status: text of /proc/PID/task/TID/status. */
bool pending_stop(const char *status);
