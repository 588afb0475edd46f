/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_queue.h - what lies unread in a socket: messages with their boundaries, descriptors in
 * flight, senders.
 *
 * Reading moves SO_PEEK_OFF along the queue and puts it back: to be done in a step aside (aside.h).
 * Nothing is taken out. What the kernel does not tell is left: the time stamps of messages. An
 * empty datagram that was peeked at once before cannot be seen behind others (the kernel marks it),
 * so it is lost by a second dump; nor can one that lies at the end of a seqpacket socket whose
 * other end has closed. A pending error (POLLERR) is cleared by looking at messages, by nothing
 * else here: socket_queue_disturbs() tells.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

#define SOCKET_MESSAGE_FDS 253 /* SCM_MAX_FD of the kernel */

struct socket_message {
	struct bytes data;
	struct u64s files; /* SCM_RIGHTS: ids of open files; while reading: descriptors of ours */
	struct bytes from; /* the sender's address (struct sockaddr), empty: it has none */
	struct bytes to;   /* UDP: the address that it was sent to */
	uint64_t sender;   /* id of an open file that can send it again; 0: a makeshift one does */
	bool has_credentials;
	int64_t pid, uid, gid; /* SCM_CREDENTIALS as the container sees them */
};
extern const struct field socket_message_fields[];
#define FIELD_QUEUE(record, member)                                                                \
	FIELD(record, member, LIST, .optional = true, .fields = socket_message_fields,             \
	      .size = sizeof(struct socket_message))

/*
 * Appends what lies in the queue. stream: boundaries are only where descriptors or credentials
 * change. Received descriptors are O_CLOEXEC and ours.
 */
int socket_queue_peek(int fd, bool stream, struct arena *arena, struct list *ret, struct error *err)
	NODISCARD;

/* Closes the descriptors that reading has brought, where they are not to be used. */
void socket_queue_close(struct list *queue);

/*
 * Whether looking at the messages of a datagram or seqpacket socket would clear an error that it
 * has for its owner.
 */
bool socket_queue_disturbs(int fd);

/* Bytes in all messages, and room for what they cost. */
size_t socket_queue_bytes(const struct list *queue);

/*
 * One message back on its way: from fd, to an address (NULL: connected) with these descriptors.
 * credentials: as the message has them; the caller runs as its pid or may take any. 0 or -errno;
 * -EAGAIN: the queue is full.
 */
int socket_message_send(int fd, const struct socket_message *m, const int *fds,
			const struct sockaddr *to, socklen_t to_size) NODISCARD;
