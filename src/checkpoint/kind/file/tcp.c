/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.c - tcp(7) sockets over IPv4 and IPv6: free, bound, listening with connections that wait, connecting, connected
 * within the container or to outside, half closed, ended; queues in both directions, options. See tcp_collect.c and
 * tcp_make.c.
 *
 * Not carried: urgent data, keys (TCP_MD5SIG, TLS), a connection of a socket with itself. Not kept: which of the errors a dead
 * connection has to tell (it is ECONNRESET), the congestion window, TIME_WAIT of sockets that belong to nobody.
 */
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/tcp_collect.h"
#include "checkpoint/kind/tcp_make.h"

const struct file_kind file_kind_tcp = {
	.name = "tcp",
	.matches = (const struct file_match[]){ { FILE_SOCKET, "tcp" }, { FILE_CLASS_NONE, NULL } },
	.fields = tcp_record_fields,
	.size = sizeof(struct tcp_record),
	.collect = tcp_collect,
	.drain = tcp_drain,
	.undrain = tcp_undrain,
	.open = tcp_open,
	.finish = tcp_finish,
	.describe = tcp_record_describe,
};
