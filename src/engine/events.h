/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - the journal: one JSON object a line in the file `events` of the state root, appended with one
 * write(2) each. Rotated to events.1 when it is large.
 *
 *     {"time":"2026-11-22T...Z","type":"die","name":"web","number":3,"id":"...","exitCode":0}
 *
 * Types: create start exec attach pause resume update kill stop oom die restart remove import untag
 */
#pragma once

#include "base/error.h"
#include "engine/root.h"

/* extra: NULL, or JSON members without the comma before them: "\"exitCode\":0". Best effort: a full disk does not stop a
 * container. */
void event_write(const struct root *root, const char *type, const char *name, unsigned number,
		 const char *id, const char *extra);
