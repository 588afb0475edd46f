/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_options.h - what getsockopt(2) tells, as one table: read on dump, set again on restore
 * where the new socket has another value (so what was left at its default stays automatic: buffer
 * sizes that tune themselves).
 *
 * Two phases: EARLY before bind(2) (who may share an address), LATE when the connection is made and
 * queues are filled (buffer sizes, time-outs, what would send or delay).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

enum socket_family {
	SOCKET_UNIX = 1,
	SOCKET_TCP = 2,
	SOCKET_UDP = 4,
	SOCKET_NETLINK = 8,
	SOCKET_INET = SOCKET_TCP | SOCKET_UDP,
	SOCKET_ANY = 15,
};

enum socket_phase { SOCKET_EARLY, SOCKET_LATE };

/* One option: its name in <sys/socket.h> and the bytes that getsockopt(2) gave. */
struct socket_option {
	char *name;
	struct bytes value;
};
extern const struct field socket_option_fields[];
#define SOCKET_OPTIONS_MAX 160
/* A list of them in a record: struct list options; */
#define FIELD_OPTIONS(record, member)                                                              \
	FIELD(record, member, LIST, .optional = true, .max = SOCKET_OPTIONS_MAX,                   \
	      .fields = socket_option_fields, .size = sizeof(struct socket_option))

/*
 * What fresh sockets have, learnt once a dump: what a socket has like these is not written down,
 * but for the sizes of buffers. Zeroed at first, in the arena.
 */
struct socket_defaults {
	struct socket_default *v;
	size_t n;
};

/*
 * Reads the options of a socket of one family that are not at their default. connected: leave out
 * those that only a fresh socket can be given. *ret_why is set to what cannot be carried (an eBPF
 * filter), NULL when all can.
 */
void socket_options_read(int fd, enum socket_family family, int domain, bool connected,
			 struct socket_defaults *defaults, struct arena *arena, struct list *ret,
			 const char **ret_why);

/* Sets those of one phase. -EBADMSG for names that the table does not know. */
int socket_options_set(int fd, enum socket_family family, enum socket_phase phase,
		       const struct list *options, struct error *err) NODISCARD;

/* Makes room for `size` bytes to be queued, for a while: socket_room_done() puts the sizes back. */
struct socket_room {
	int fd;
	int sizes[2]; /* SO_SNDBUF, SO_RCVBUF; 0: not changed */
	int lock;     /* SO_BUF_LOCK; -1: this kernel has none */
};
#define CLEANUP_SOCKET_ROOM UNUSED CLEANUP(socket_room_done)
struct socket_room socket_room_make(int fd, size_t size);
void socket_room_done(struct socket_room *room);
