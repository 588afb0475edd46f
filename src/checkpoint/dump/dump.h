/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h - a container is written down.
 *
 * Stop all its tasks, look at everything they hold, write it, let them go on (or leave the killing to the caller). What
 * cannot be carried is collected as refusals, all of them, and nothing is written as valid then. Whatever fails, the tasks
 * go on as if nothing had happened.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/dump/request.h"

/*
 * Dumps to w (NULL on a dry run); the caller puts records of its own and calls image_finish(). -ENOTSUP when there are
 * refusals (the error tells of the first). On failure all tasks run.
 */
int dump(const struct dump_request *req, struct image_writer *w, struct arena *arena,
	 struct dump_result *ret, struct error *err) NODISCARD;
