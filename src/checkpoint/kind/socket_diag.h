/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_diag.h - what sock_diag(7) tells of the sockets of the network namespace that the caller
 * is in (on dump: a step aside, aside.h). Everything lies in the arena. Kernels without it:
 * -ENOENT, -EPROTONOSUPPORT.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct unix_seen {
	uint32_t ino; /* 0: belongs to no descriptor (not accepted yet) */
	uint32_t type;
	bool listening;
	bool has_peer;	   /* connected; its peer may be dead */
	uint32_t peer_ino; /* 0: closed, or not accepted yet */
	uint32_t shutdown; /* 1: nothing comes in any more, 2: nothing may be sent */
	uint32_t queued;   /* bytes; connections for a listening one */
	uint32_t limit;	   /* of a listening one: its backlog */
	const char *name;  /* as in sun_path, abstract ones with their zero byte; not terminated */
	size_t name_size;
	const uint32_t
		*waiting; /* clients that wait to be accepted, in order; 0: closed meanwhile */
	size_t n_waiting;
};

/* Sorted by inode. */
int socket_diag_unix(struct arena *arena, struct unix_seen **ret, size_t *ret_n, struct error *err)
	NODISCARD;

struct inet_seen {
	uint32_t ino; /* 0: nobody's: waits to be accepted, or closed and not yet gone */
	int family;
	int state;
	uint16_t port, peer_port;	 /* host order */
	struct in6_addr addr, peer_addr; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t queued, unsent; /* bytes received and not read; sent and not acknowledged */
	bool md5;		 /* has keys that cannot be read back whole */
};

/* TCP sockets in all states, IPv4 and IPv6. */
int socket_diag_tcp(struct arena *arena, struct inet_seen **ret, size_t *ret_n, struct error *err)
	NODISCARD;

/* An address of either family as the above has it. */
struct in6_addr socket_diag_address(const struct sockaddr_storage *ss);
uint16_t socket_diag_port(const struct sockaddr_storage *ss);
