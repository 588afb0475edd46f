/* SPDX-License-Identifier: Apache-2.0 */
/* proc_limits.h - the text /proc/PID/limits. Pure. Source: proc(5), getrlimit(2). */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

#define PROC_LIMITS_N 16 /* RLIM_NLIMITS of every kernel since 2.6.25 */

struct proc_limit {
	uint64_t soft, hard; /* RLIM_INFINITY is ~0 */
};

/* "RLIMIT_NOFILE" */
const char *proc_limit_name(int resource);

/* Fills v[RLIMIT_*]. 0 or -EINVAL: a limit is missing, or there is one that we do not know. */
int proc_limits_parse(const char *text, struct proc_limit v[PROC_LIMITS_N]) NODISCARD;
