/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_survey.h - all tcp(7) sockets that the container holds, looked at once: both ends of a
 * connection within it are found together, and their queues are read so that no byte is in neither
 * or in both.
 *
 * As with unix_survey.h every descriptor must be known before; what is found later is looked at
 * then.
 */
#pragma once

#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/socket_diag.h"
#include "checkpoint/kind/tcp_record.h"

/* Who is at the other end. */
enum tcp_other {
	TCP_OTHER_NONE,	   /* there is no connection */
	TCP_OTHER_OURS,	   /* a socket of the container: peer */
	TCP_OTHER_WAITING, /* not accepted yet, at a listening one of the container: peer */
	TCP_OTHER_CLOSED,  /* was in this network namespace, belongs to nobody any more */
	TCP_OTHER_OUTSIDE,
};

struct tcp_entry {
	const struct object *o;
	uint64_t ino;
	uint64_t netns; /* inode of its network namespace, 0: not to be told */
	int domain;
	int state; /* of the kernel's enum */
	uint32_t backlog, n_waiting;
	struct bytes name, peer_name;
	struct in6_addr addr, peer_addr;
	uint16_t port, peer_port;
	short events; /* of poll(2) */
	struct tcp_flow flow;
	struct list options;
	const char *not_carried;
	enum tcp_other other;
	size_t peer;	      /* index of an entry: OURS, WAITING */
	uint32_t left_unsent; /* CLOSED: what the other end still has to deliver */
};

struct tcp_survey {
	struct tcp_entry *v;
	size_t n;
	struct inet_seen *seen;
	size_t n_seen;
	uint64_t netns; /* the container's */
};

int tcp_survey(struct collect *c, uint64_t ino, const struct tcp_survey **ret, struct error *err)
	NODISCARD;
const struct tcp_entry *tcp_survey_find(const struct tcp_survey *s, uint64_t ino);

/* Whether a connection that arrives at addr:port comes to this listening one. */
bool tcp_entry_hears(const struct tcp_entry *listener, const struct in6_addr *addr, uint16_t port);

/* The entry whose own end is a and whose other end is b, or NULL. */
const struct tcp_entry *tcp_survey_connection(const struct tcp_survey *s, const struct in6_addr *a,
					      uint16_t a_port, const struct in6_addr *b,
					      uint16_t b_port);

/* States of the kernel that the kinds ask for. */
enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT2 = 5,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LISTEN = 10,
	STATE_NEW_SYN_RECV = 12,
};
