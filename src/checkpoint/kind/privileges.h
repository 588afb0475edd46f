/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges.h - what a thread may do, as its status tells: capability sets, no_new_privs, seccomp; and how capabilities
 * are set in a program. Source: capabilities(7), seccomp(2).
 *
 * A filter can only be installed with CAP_SYS_ADMIN or no_new_privs. A thread that has filters and neither (the
 * ordinary process of a container) keeps CAP_SYS_ADMIN until they are installed, and drops it by one
 * capset(2) afterwards: privileges_late() tells.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct program;

struct privileges {
	uint64_t inheritable, permitted, effective, bounding, ambient;
	bool no_new_privs;
	int seccomp; /* 0, 1 strict, 2 filters */
};

#define PRIVILEGES_SECCOMP_STRICT 1
#define PRIVILEGES_SECCOMP_FILTER 2
#define PRIVILEGES_ADMIN	  (UINT64_C(1) << 21) /* CAP_SYS_ADMIN */

/* status: text of /proc/PID/task/TID/status. 0 or -EINVAL. */
int privileges_parse(const char *status, struct privileges *ret) NODISCARD;
bool privileges_late(const struct privileges *p);

/* A step that sets the three sets. */
void privileges_emit_caps(struct program *p, uint64_t effective, uint64_t permitted,
			  uint64_t inheritable);
/* Steps that set only the inheritable set. */
void privileges_emit_inheritable(struct program *p, uint64_t inheritable);
