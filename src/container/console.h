/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.h - a pseudo terminal of the container's own devpts. pts(4), ioctl_tty(2).
 * Called inside the container's mount namespace, after the root was changed.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/*
 * Opens a pair from /dev/pts/ptmx. The slave is opened through the master (TIOCGPTPEER), never by its
 * path. *ret_master, *ret_slave are the caller's. rows/cols 0: left as they are.
 */
int console_open(uint16_t rows, uint16_t cols, int *ret_master, int *ret_slave, struct error *err)
	NODISCARD;

/* Mounts the slave over /dev/console, by descriptor. */
int console_bind(int slave, struct error *err) NODISCARD;

/* New session with the slave as controlling terminal and as 0, 1, 2. */
int console_take(int slave, struct error *err) NODISCARD;
