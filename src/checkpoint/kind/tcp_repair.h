/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_repair.h - TCP_REPAIR: reading a connection's queues and numbers, and making one that says it
 * has them.
 *
 * The mode belongs to the socket, not to us: while it is on, its owner can neither send nor read.
 * So it is on only for one reading, by a process aside (aside.h) that outlives us; and the kernel
 * forgets SO_REUSEADDR when it goes off, which is put back. It needs CAP_NET_ADMIN over the network
 * namespace.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/kind/tcp_record.h"

enum tcp_repair_mode {
	TCP_REPAIR_IS_ON = 1,
	TCP_REPAIR_PROBE = 0,	/* off, and asks the other end how much it takes */
	TCP_REPAIR_SILENT = -1, /* off, without a packet (Linux 4.18) */
};

/* Sets or ends the mode. Afterwards SO_REUSEADDR is 0: to be set again. */
int tcp_repair_set(int fd, enum tcp_repair_mode mode) NODISCARD;

/*
 * Reads the sending half, with all that negotiation settled, or the receiving half. Whoever reads
 * both ends of a connection reads both sending halves first: then no byte is in neither.
 */
int tcp_repair_read_sending(int fd, struct arena *arena, struct tcp_flow *ret) NODISCARD;
int tcp_repair_read_receiving(int fd, struct arena *arena, struct tcp_flow *ret) NODISCARD;

/* The receive queue alone, of a socket in any state; the mode is not needed. */
int tcp_peek_received(int fd, struct arena *arena, struct bytes *ret) NODISCARD;

/*
 * Connects fd, which is bound, without a packet and gives it the flow: numbers, what was received,
 * what was sent and not acknowledged. The mode stays on. What was never sent (flow->unsent) is for
 * the caller to send later.
 */
int tcp_repair_connect(int fd, const struct bytes *peer, const struct tcp_flow *flow,
		       struct error *err) NODISCARD;
