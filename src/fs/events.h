/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - DIR/NAME/events: each open file reads the container's events once, from its making on; read(2) gives what it
 * has not given yet, nothing when there is no more; poll(2) tells when there is.
 */
#pragma once

#include "fs/server.h"

struct handle *events_open(struct server *s, fuse_ino_t ino);
void events_close(struct server *s, struct handle *h);
/* At most size bytes of what is new, whole lines; a line that is longer than that comes in pieces. */
void events_read(struct server *s, struct handle *h, size_t size, struct buf *out);
/* Whether there is something; ph (taken over, may be NULL) hears of it later otherwise. */
bool events_poll(struct server *s, struct handle *h, struct fuse_pollhandle *ph);
/* The journal has grown. */
void events_wake(struct server *s);
