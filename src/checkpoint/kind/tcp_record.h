/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_record.h - what an image says of a tcp(7) socket: type "file.tcp", and "file.tcp.waiting" for
 * the connections that a listening one had not accepted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/image/record.h"

#define TCP_ADDRESS_MAX 28 /* struct sockaddr_in6 */

enum tcp_role {
	TCP_FREE, /* neither listening nor connected; bound where there is a name */
	TCP_LISTENING,
	TCP_CONNECTING, /* its first packet was not answered yet */
	TCP_PAIRED,	/* connected to peer, which is in the image */
	TCP_WAITING,	/* connected, not accepted yet: its listener makes it again */
	TCP_LEFT,	/* the other end was in the container and is closed */
	TCP_OUTSIDE,	/* the other end is elsewhere, and the connection is carried */
	TCP_DEAD,	/* was connected: what came can still be read, then the end or the error */
	TCP_ROLE_N,
};

/*
 * A connection as TCP_REPAIR gives and takes it (tcp(7) has nothing on it; the kernel's
 * net/ipv4/tcp.c).
 */
struct tcp_flow {
	struct bytes received; /* and not read */
	uint32_t receive_end;  /* sequence number after them, without the other end's FIN */
	struct bytes sending;  /* not acknowledged; PAIRED: what the other end does not have */
	uint32_t send_start;   /* sequence number of the first of them */
	uint32_t unsent;       /* the last so many bytes of them were never sent */
	uint32_t mss, send_scale, receive_scale;
	uint32_t features; /* TCPI_OPT_* */
	uint32_t timestamp;
	bool has_window;
	uint32_t window_wl1, window_send, window_max, window_receive, window_wup;
	bool fin_sent, fin_received;
};

struct tcp_record {
	uint32_t domain; /* AF_INET, AF_INET6 */
	uint32_t role;
	struct bytes name, peer_name; /* struct sockaddr */
	uint64_t peer;		      /* PAIRED: id; WAITING: its listener's */
	uint32_t backlog;
	struct u64s waiting; /* LISTENING: ids of clients */
	bool waiting_data;   /* there is a "file.tcp.waiting" record */
	bool shut;	     /* shutdown(SHUT_RD) */
	bool error;	     /* DEAD: an error waits to be told */
	struct tcp_flow flow;
	struct list options;
};
extern const struct field tcp_record_fields[];

/* A connection that was not accepted, as its server would have found it. */
struct tcp_waiting {
	uint64_t client;		/* id, 0: it is closed */
	struct bytes name, client_name; /* of the server's end, of the client's */
	struct bytes received;
	uint32_t receive_end;
};
struct tcp_waiting_record {
	struct list connections; /* struct tcp_waiting, in the order of accept(2) */
};
extern const struct field tcp_waiting_fields[];

struct buf;
void tcp_record_describe(const void *record, struct buf *out);

/* "127.0.0.1:80", "[::1]:80" */
void socket_address_print(const struct bytes *address, struct buf *out);
