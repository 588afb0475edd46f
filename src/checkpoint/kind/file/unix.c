/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix.c - unix(7) sockets: stream, datagram, seqpacket; bound or not, listening with connections
 * that wait, connected, half closed, hung up; their queues with boundaries, descriptors and
 * credentials. See unix_collect.c and unix_make.c.
 *
 * Not carried: urgent data (MSG_OOB), and which process exactly a pidfd of SO_PEERPIDFD names.
 */
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/unix_collect.h"
#include "checkpoint/kind/unix_make.h"

const struct file_kind file_kind_unix = {
	.name = "unix",
	.matches =
		(const struct file_match[]){ { FILE_SOCKET, "unix" }, { FILE_CLASS_NONE, NULL } },
	.fields = unix_record_fields,
	.size = sizeof(struct unix_record),
	.collect = unix_collect,
	.drain = unix_drain,
	.open = unix_open,
	.finish = unix_finish,
	.describe = unix_record_describe,
};
