/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - the last step: the program is looked for, and executed; or it is told why not. Allocates nothing. */
#pragma once

#include "base/error.h"

/* execvp(3) by the PATH of envp, not ours. Returns only on failure: -errno, with the exit code 126 or 127. */
int program_execute(char **argv, char **envp, struct error *err);

/* The value of a variable, NULL: it is not there. */
const char *program_env(char **envp, const char *name);
