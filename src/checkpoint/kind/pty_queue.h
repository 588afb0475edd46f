/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty_queue.h - the bytes that wait in a pseudo terminal to be read, in both directions. The kernel shows them to
 * nobody: they are read, and written again at once (or into the new terminal), with settings that let every byte through.
 *
 * What a reader then gets is the same, line by line where the terminal gives lines. Lost is only that a ^D had been
 * typed which nobody has read yet. Everybody who uses the terminal must be stopped.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

struct pty_queue {
	struct bytes to_master; /* what the slave's side has written */
	struct bytes to_slave;	/* what was typed */
};
extern const struct field pty_queue_fields[];

/* Takes all that waits. Settings are as before when it returns. */
int pty_queue_take(int master, int slave, struct arena *arena, struct pty_queue *ret,
		   struct error *err) NODISCARD;

/* Only what was typed: who has the master reads the rest himself. */
int pty_queue_take_typed(int slave, struct arena *arena, struct pty_queue *ret, struct error *err)
	NODISCARD;

/* termios: (struct termios2) what the slave has in the end; it has it afterwards. */
int pty_queue_put(int master, int slave, const struct bytes *termios, const struct pty_queue *q,
		  struct error *err) NODISCARD;

static inline bool pty_queue_empty(const struct pty_queue *q)
{
	return !q->to_master.size && !q->to_slave.size;
}
