/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle.c - see lifecycle.h. */
#include "engine/lifecycle.h"

#include <errno.h>

enum { OK, DONE, NO_YET, NOT_RUN, PAUSED_, RUNS, NOT_PAUSED, BAD };

static const unsigned char table[EVENT_COUNT][CONTEXE_BROKEN + 1] = {
	/*                     creating created  running     paused   exited   broken */
	[EVENT_START] = { NO_YET, OK, RUNS, RUNS, OK, BAD },
	[EVENT_EXEC] = { NO_YET, NOT_RUN, OK, PAUSED_, NOT_RUN, BAD },
	[EVENT_ATTACH] = { NO_YET, OK, OK, OK, NOT_RUN, BAD },
	[EVENT_KILL] = { NO_YET, OK, OK, OK, NOT_RUN, BAD },
	[EVENT_STOP] = { NO_YET, OK, OK, OK, DONE, BAD },
	[EVENT_PAUSE] = { NO_YET, NOT_RUN, OK, DONE, NOT_RUN, BAD },
	[EVENT_RESUME] = { NO_YET, NOT_RUN, NOT_PAUSED, OK, NOT_RUN, BAD },
	[EVENT_UPDATE] = { NO_YET, OK, OK, OK, OK, BAD },
	[EVENT_STATS] = { NO_YET, OK, OK, OK, NOT_RUN, BAD },
	[EVENT_CHECKPOINT] = { NO_YET, NOT_RUN, OK, PAUSED_, NOT_RUN, BAD },
	[EVENT_RESTORE] = { NO_YET, RUNS, RUNS, RUNS, OK, BAD },
	[EVENT_REMOVE] = { NO_YET, OK, RUNS, RUNS, OK, OK },
	[EVENT_REMOVE_FORCE] = { OK, OK, OK, OK, OK, OK },
};

static const struct {
	int err;
	const char *why, *hint; /* hint: %s is the name */
} answers[] = {
	[OK] = { 0, "", "" },
	[DONE] = { EALREADY, "", "" },
	[NO_YET] = { EBUSY, "the container is still being made", "try again in a moment" },
	[NOT_RUN] = { ESRCH, "the container is not running", "start it with 'contexe start %s'" },
	[PAUSED_] = { EBUSY, "the container is paused", "resume it with 'contexe resume %s'" },
	[RUNS] = { EBUSY, "the container is running", "stop it first with 'contexe stop %s'" },
	[NOT_PAUSED] = { EINVAL, "the container is not paused", "" },
	[BAD] = { EIO, "the container's state cannot be read",
		  "remove it with 'contexe rm --force %s'" },
};

int lifecycle_check(enum contexe_state state, enum lifecycle_event event, const char *name,
		    struct error *err)
{
	unsigned a = table[event][state];
	if (a == OK || a == DONE)
		return -answers[a].err;
	error_set(err, answers[a].err, "%s", answers[a].why);
	error_object(err, "%s", name);
	if (answers[a].hint[0]) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		error_hint(err, answers[a].hint, name);
#pragma GCC diagnostic pop
	}
	return -answers[a].err;
}
