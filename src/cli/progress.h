/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - one line on a terminal's standard error that tells how far something long has come; nothing elsewhere. */
#pragma once

#include "cli/cli.h"

struct progress {
	bool on, shown;
	uint64_t last; /* ns */
};

struct progress progress_of(const struct cli *cli);
/* A contexe_progress_fn; arg: the struct progress. Ten lines a second at most. */
void progress_show(void *arg, const char *phase, uint64_t done, uint64_t total);
/* Takes the line away. */
void progress_end(struct progress *p);
