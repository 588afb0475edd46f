/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - init's link to its supervisor, and how a new supervisor takes it over (protocol.h).
 *
 * Life: channel_open once; then, each turn, channel_watch fills the poll set and channel_serve acts
 * on it; channel_finish once, before init exits. Nothing here ever blocks, and no input is trusted.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "init/protocol.h"

/* Poll set: the supervisor, the listening socket, the clients. */
#define CHANNEL_POLLFDS (2 + INIT_MAX_CLIENTS)

struct channel {
	unsigned int n_keep;
	uid_t owner;	    /* the user of the first supervisor, as seen from here */
	bool orphaned;	    /* no supervisor lives */
	bool accept_failed; /* out of descriptors or memory: not to be tried at once again */
	int client
		[INIT_MAX_CLIENTS]; /* came while orphaned and said nothing yet; oldest first; or -1 */
};

/* Takes over descriptors 3, 4 and 6 .. 6 + n_keep - 1. */
void channel_open(struct channel *ch, unsigned int n_keep);

/* Fills fds[CHANNEL_POLLFDS] with what is to be watched now. */
void channel_watch(const struct channel *ch, struct pollfd *fds);

/* Acts on the answers. Returns a signal (1 .. 64) that the supervisor wants for the job, or 0. */
int channel_serve(struct channel *ch, const struct pollfd *fds) NODISCARD;

/* Tells the supervisor, if there is one and it has room. */
void channel_tell(const struct channel *ch, enum init_msg_type type, int value);

/* Takes what the supervisor has still sent, so that the exit does not reset the connection. */
void channel_finish(const struct channel *ch);
