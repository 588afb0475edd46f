/* SPDX-License-Identifier: Apache-2.0 */
/* init.h - the life of pid 1, from the moment it is set up to the end of the container. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"

/*
 * Reaps, judges signals and serves the supervisor until the job ends or a signal ends init. job 0: until the
 * process ends of which INIT_FD_KEEP is a pidfd.
 * signal_fd is that of signals_open; descriptors 3 .. 6 + n_keep - 1, and views, are as protocol.h says.
 */
NORETURN void init_run(int job, unsigned int n_keep, bool views, int signal_fd);
