/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views.h - the container's own /proc files while no supervisor lives (sys/viewfs.h): whoever reads one gets the kernel's
 * file instead of waiting. Life: views_open once; each turn views_watch, and views_serve when there is no supervisor.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>

#include "base/compiler.h"

struct views {
	int memory, fuse; /* fuse is -1 where there are none */
	bool looked;	  /* since the supervisor died: a second look is not needed */
};

/* The last two of what is kept, where init was started with "views". */
void views_open(struct views *v, unsigned int n_keep, bool given);

void views_watch(const struct views *v, bool orphaned, struct pollfd *fd);

/* Acts on the answer. orphaned: else nothing is done. */
void views_serve(struct views *v, bool orphaned, const struct pollfd *fd);

/* A server that outlived the supervisor may die over a request: it is looked for once more, after a second. */
bool views_look_again(const struct views *v, bool orphaned);
