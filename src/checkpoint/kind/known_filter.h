/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_filter.h - which seccomp filters a thread has, for those to whom the kernel does not tell.
 *
 * Only root of the machine may read filters (PTRACE_SECCOMP_GET_FILTER). But they are only ever added and inherited: a task
 * that has as many as the job began with has the job's, and one that has as many as process 1 has none of its own. The number
 * everybody may know, since Linux 5.9 ("Seccomp_filters" in /proc/PID/status).
 */
#pragma once

#include "checkpoint/kind/collect.h"

enum known_filters {
	KNOWN_FILTERS_NOT,  /* others, or nobody can tell */
	KNOWN_FILTERS_NONE, /* none but what the surroundings gave everybody */
	KNOWN_FILTERS_JOB,  /* exactly c->filter, besides */
};

enum known_filters known_filters_of(const struct collect *c, pid_t tgid, pid_t tid);
