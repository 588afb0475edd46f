/* SPDX-License-Identifier: Apache-2.0 */
/* known_filter.c - see known_filter.h. */
#include "checkpoint/kind/known_filter.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "checkpoint/kind/proc_status.h"

enum known_filters known_filters_of(const struct collect *c, pid_t tgid, pid_t tid)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	char path[64];
	uint64_t n;
	if (!c->filter)
		return KNOWN_FILTERS_NOT;
	(void)snprintf(path, sizeof(path), "%d/task/%d/status", (int)tgid, (int)tid);
	if (file_read(c->proc, path, 256u << 10, &text) < 0 ||
	    proc_status_u64(buf_str(&text), "Seccomp_filters", 10, &n) < 0)
		return KNOWN_FILTERS_NOT;
	if (n == c->filter->outer)
		return KNOWN_FILTERS_NONE;
	return c->filter->n && n == c->filter->outer + UINT64_C(1) ? KNOWN_FILTERS_JOB
								   : KNOWN_FILTERS_NOT;
}
