/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle.h - what may be done to a container in which state: one table, state x event.
 */
#pragma once

#include "base/error.h"
#include <contexe.h>

enum lifecycle_event {
	EVENT_START,
	EVENT_EXEC,
	EVENT_ATTACH,
	EVENT_KILL,
	EVENT_STOP,
	EVENT_PAUSE,
	EVENT_RESUME,
	EVENT_UPDATE,
	EVENT_STATS,
	EVENT_CHECKPOINT,
	EVENT_RESTORE,
	EVENT_REMOVE,
	EVENT_REMOVE_FORCE,
	EVENT_COUNT,
};

/* 0: go on. -EALREADY: it is so already, nothing to do. -EBUSY and others: refused, with the reason. */
int lifecycle_check(enum contexe_state state, enum lifecycle_event event, const char *name,
		    struct error *err) NODISCARD;
