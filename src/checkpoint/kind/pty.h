/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty.h - pseudo terminals: which pair a descriptor belongs to, and what a pair keeps. pts(4), ioctl_tty(2).
 *
 * Both ends have the pair's settings: termios and window size are the slave's, whichever end is asked. Data that
 * waits in a terminal: pty_queue.h.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

#define PTY_MAX_INDEX (1 << 20) /* NR_UNIX98_PTY_MAX */

struct pty_state {
	struct bytes termios; /* struct termios2 */
	struct bytes locked;  /* struct termios of TIOCGLCKTRMIOS; empty: nothing is */
	uint32_t rows, cols, xpixel, ypixel;
	bool exclusive;
};
extern const struct field pty_state_fields[];

/* The number in /dev/pts of a terminal's device, or -ENOTTY when it is no pseudo terminal's. */
int pty_index_of(uint64_t rdev);
/* The same of an open file: of a slave, of a master, of /dev/tty. -EIO: its other end is gone. */
int pty_index(int fd);
/* The number of its pair when fd is a master, else -errno. */
int pty_master_index(int fd);

int pty_state_collect(int fd, struct arena *arena, struct pty_state *ret, struct error *err)
	NODISCARD;
int pty_state_apply(int fd, const struct pty_state *s, struct error *err) NODISCARD;

/* Opens the slave of a master, locked or not, never by a path. Descriptor (O_CLOEXEC, O_NOCTTY) or -errno. */
int pty_peer(int master, int flags);
