/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty_open.h - pseudo terminals made again by the holder. The kernel gives each new pair the lowest free number: pairs that are
 * opened on the way to a number are kept for those who want them.
 */
#pragma once

#include "base/error.h"
#include "checkpoint/kind/holder.h"

/* A new master of this number, from `path`, a ptmx of the container. The caller's. */
int pty_open_master(struct holder *h, const char *path, int index, int flags, struct error *err)
	NODISCARD;

/*
 * A slave that has seen its end (reading tells end of file, writing EIO), of a number beyond `above`, so that it is in nobody's
 * way. The caller's.
 */
int pty_open_hung_up(struct holder *h, int above, int flags, struct error *err) NODISCARD;

/*
 * /dev/tty, opened by a process whose controlling terminal is the pair of `master`: a child of ours for a moment, which takes the
 * terminal and gives it back. No session may have it yet. The caller's.
 */
int pty_open_current(int master, int flags, struct error *err) NODISCARD;
