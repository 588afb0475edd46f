/* SPDX-License-Identifier: Apache-2.0 */
/* proc_timers.h - the text /proc/PID/timers: a process' POSIX timers, but for their times. Pure. Source: proc(5). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/compiler.h"

struct proc_timer {
	int32_t id;
	int32_t signal;
	uint64_t value; /* sigev_value */
	int32_t notify; /* SIGEV_SIGNAL, SIGEV_NONE, with SIGEV_THREAD_ID */
	pid_t target;	/* process or thread, as the reader of /proc sees it */
	int32_t clock;
};

/* Ascending by id. 0 or -EINVAL. */
int proc_timers_parse(const char *text, struct arena *arena, struct proc_timer **ret, size_t *ret_n)
	NODISCARD;
