/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.h - the pseudo init: the process outside that is the container's parent. It holds the
 * terminal, the log and the control socket, forwards signals, knows the exit status, and cleans up. In the
 * foreground it is the command itself; detached, a child of it that stays.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "engine/container.h"

struct supervisor_options {
	bool foreground; /* relay our 0, 1, 2 and forward our signals */
	bool wait_start; /* the job waits for CTL_START */
	bool adopt;	 /* it runs already, and has lost its supervisor */
	struct spec
		*spec; /* NULL: as written down in config.json. Used up by a detached supervisor. */
	struct restoring
		*restoring; /* its first life is continued from an image; NULL: it begins */
	const struct pidref *leader; /* of a led container: init "leader" */
	struct netns *netns; /* for the first start in the foreground; NULL: none is on its way */
	int report; /* sync socket (container/sync.h) that hears of the start; -EBADF: the caller is told */
};

/*
 * Brings the container up and looks after it until its end, restarts included. c is locked and is
 * unlocked once the container runs. In the foreground *ret_exit is what a shell sees, or -1 when the user
 * detached (the supervisor then goes on in a child of its own).
 * On failure to start nothing runs; the container's directory stays, the caller deletes it if it made it.
 */
int supervise(struct container *c, const struct supervisor_options *opt, int *ret_exit,
	      struct error *err) NODISCARD;

/*
 * Forks a supervisor that stays, and waits until the container runs (or is created). Descriptors other
 * than the container's are closed in it.
 */
int supervise_detached(struct container *c, const struct supervisor_options *opt, struct error *err)
	NODISCARD;

/*
 * The same for a container that a process outside shall lead (opt->leader): *ret_sock is the supervisor's other end. Once
 * the leader is in, the caller says SYNC_GO there (container/sync.h); when it closes it without, or dies, the
 * supervisor ends the container, and deletes it if it is of the kind that goes with its leader. End of file: done.
 * c stays locked until then.
 */
int supervise_led(struct container *c, const struct supervisor_options *opt, int *ret_sock,
		  struct error *err) NODISCARD;

/*
 * Gives a container whose supervisor was killed a new one (contexe-init kept its descriptors). c is not
 * locked. 0 also when there is nothing to do. Best effort for commands that need a supervisor.
 */
int supervise_orphan(struct container *c, struct error *err) NODISCARD;
