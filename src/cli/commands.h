/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the list of commands, in the order in which the help shows them. One file each. */
#pragma once

#include "cli/cli.h"

/* clang-format off */
#define COMMANDS(X) \
	X(run) \
	X(create) \
	X(start) \
	X(restart) \
	X(stop) \
	X(kill) \
	X(pause) \
	X(resume) \
	X(update) \
	X(rm) \
	X(exec) \
	X(hijack) \
	X(attach) \
	X(checkpoint) \
	X(restore) \
	X(verify) \
	X(wait) \
	X(ls) \
	X(ps) \
	X(pid) \
	X(top) \
	X(stats) \
	X(logs) \
	X(events) \
	X(inspect) \
	X(image) \
	X(fs) \
	X(probe) \
	X(version) \
	X(complete)
/* clang-format on */

#define DECLARE(name) extern const struct command command_##name;
COMMANDS(DECLARE)
#undef DECLARE

/* What stands in the way of a checkpoint, told. */
int checkpoint_look(struct cli *cli, const char *ref, enum contexe_tcp tcp);

/* `contexe -jN COMMAND...`: the form of the founding text. argv[0] is skipped. */
int run_seed_form(struct cli *cli, int argc, char **argv);
