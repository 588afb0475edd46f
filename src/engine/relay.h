/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - bytes between a job and those who watch it: the log, the user in front of this process
 * (descriptors 0, 1, 2), and commands attached over the control socket.
 *
 * Nothing is dropped: a watcher that does not keep up holds the job's output back once RELAY_MAX_PENDING
 * bytes wait for it. The owner runs the poll loop: relay_add() before poll(2), relay_handle() after.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "engine/log.h"
#include "engine/terminal.h"

#define RELAY_MAX_PENDING (256 << 10)

struct pollset {
	struct pollfd *v;
	size_t n, cap;
};
void pollset_done(struct pollset *ps);
void pollset_clear(struct pollset *ps);
void pollset_add(struct pollset *ps, int fd, short events); /* fd < 0: nothing */
short pollset_got(const struct pollset *ps, int fd);	    /* revents, 0 when it is not in there */

struct remote; /* an attached command */

struct relay {
	bool tty;
	int source[3];	  /* [1], [2]: where the job's output is read; with tty [1] is the master */
	int sink;	  /* where its input is written; with tty the master */
	bool dormant;	  /* tty: nobody has the slave open at the moment */
	struct buf input; /* waits for the sink */
	bool input_ends;  /* close the sink once input is written */
	struct log *log;  /* NULL: none */
	/* the local user */
	bool local;
	bool local_in; /* read descriptor 0 */
	struct buf pending[3];
	struct keys keys;
	bool reader_gone; /* of our own 1 or 2: in a pipeline that is the end */
	bool detached;	  /* the local user pressed the keys */
	struct remote *remotes;
};

void relay_init(struct relay *r);
void relay_done(struct relay *r); /* closes the job's descriptors, drops remotes */

void relay_add(struct relay *r, struct pollset *ps);
void relay_handle(struct relay *r, const struct pollset *ps);
/* poll timeout in ms that the relay wants, -1: none. */
int relay_timeout(const struct relay *r);

/* Reads what the job left and writes all that waits, local watchers first, waiting for them. */
void relay_drain(struct relay *r);

/* Takes over the connection of a command that attaches. */
void relay_attach(struct relay *r, int sock, bool wants_stdin);
/* Tells all attached commands the wait status and closes them. */
void relay_end(struct relay *r, int wait_status);
void relay_resize(struct relay *r, unsigned short rows, unsigned short cols);
