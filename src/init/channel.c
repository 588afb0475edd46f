/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - the supervisor's connection, the control socket while nobody serves it, adoption.
 *
 * The invariant: descriptor 3 is the supervisor unless `orphaned`; only then is the control socket
 * watched. At most one message of each socket is taken a turn, so that no peer can hold init.
 */
#include "init/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "init/calls.h"

/* Linux's SO_PEERCRED: who connected, translated into our namespaces. pid 0: not in ours. */
struct channel_peer {
	int pid;
	uid_t uid;
	gid_t gid;
};

/* What a ready socket held. */
enum received {
	RECEIVED_NOTHING,
	RECEIVED_MESSAGE,
	RECEIVED_RUBBISH,
	RECEIVED_END,
};

/* Room for the listening socket and all that is kept, laid out as CMSG_DATA wants it. */
union channel_fds {
	struct cmsghdr header;
	char room[CMSG_SPACE((1 + INIT_MAX_KEEP) * sizeof(int))];
};

static struct channel_peer channel_peer_of(int sock)
{
	struct channel_peer peer;
	socklen_t size = sizeof(peer);

	if (sys_getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer))
		return (struct channel_peer){ -1, (uid_t)-1, (gid_t)-1 };
	return peer;
}

/*
 * The control socket is bound outside, where the container's mounts do not reach, with file
 * permissions of its own. This is the second wall: a process of the container has a pid here,
 * whatever it does. Root of the container but outside its pid namespace can signal and trace init
 * anyway. (Users that have no id in the container's user namespace all read as the overflow id:
 * there, the file's permissions alone tell them apart.)
 */
static bool channel_may_adopt(const struct channel *ch, int client)
{
	struct channel_peer peer = channel_peer_of(client);

	return peer.pid == 0 && (peer.uid == ch->owner || peer.uid == 0);
}

static long channel_send(int sock, enum init_msg_type type, int value, void *control, size_t size)
{
	struct init_msg body = { .magic = INIT_MAGIC, .type = type, .value = value };
	struct iovec part = { &body, sizeof(body) };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };

	msg.msg_controllen = size;
	return sys_sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long channel_send_adopted(const struct channel *ch, int client)
{
	union channel_fds control = { 0 };
	size_t size = (1 + ch->n_keep) * sizeof(int);
	int *fds = (int *)CMSG_DATA(&control.header);

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(size);
	fds[0] = INIT_FD_LISTEN;
	for (unsigned int i = 0; i < ch->n_keep; i++)
		fds[1 + i] = INIT_FD_KEEP + (int)i;
	return channel_send(client, INIT_ADOPTED, (int)ch->n_keep, &control, CMSG_SPACE(size));
}

/* Descriptors that come along are closed by the kernel: there is no room for them. */
static enum received channel_receive(const struct pollfd *from, struct init_msg *ret_msg)
{
	long n;

	if (!from->revents)
		return RECEIVED_NOTHING;
	n = sys_recv(from->fd, ret_msg, sizeof(*ret_msg), MSG_DONTWAIT | MSG_TRUNC);
	if (n == -EAGAIN || n == -EINTR)
		return RECEIVED_NOTHING;
	/* 0 is an empty message or the end: only the hang-up tells. */
	if (n < 0 || (n == 0 && from->revents & (POLLHUP | POLLRDHUP | POLLERR)))
		return RECEIVED_END;
	if (n != sizeof(*ret_msg) || ret_msg->magic != INIT_MAGIC)
		return RECEIVED_RUBBISH;
	return RECEIVED_MESSAGE;
}

static void channel_drop_client(struct channel *ch, int i)
{
	sys_close(ch->client[i]);
	for (; i < INIT_MAX_CLIENTS - 1; i++)
		ch->client[i] = ch->client[i + 1];
	ch->client[INIT_MAX_CLIENTS - 1] = -1;
}

static void channel_refuse_client(struct channel *ch, int i)
{
	channel_send(ch->client[i], INIT_ORPHAN, 0, NULL, 0);
	channel_drop_client(ch, i);
}

/*
 * The socket is not closed, only cut: its number stays taken, for the next supervisor. A peer that
 * closed one direction alone learns in this way that it is no supervisor any more.
 */
static void channel_lose_supervisor(struct channel *ch)
{
	sys_shutdown(INIT_FD_SUPERVISOR, SHUT_RDWR);
	ch->orphaned = true;
}

/* The others who wait may come again: then the new supervisor will accept them. */
static void channel_adopt(struct channel *ch, int i)
{
	sys_dup3(ch->client[i], INIT_FD_SUPERVISOR, O_CLOEXEC);
	ch->orphaned = false;
	channel_drop_client(ch, i);
	while (ch->client[0] >= 0)
		channel_refuse_client(ch, 0);
}

static void channel_serve_client(struct channel *ch, int i, const struct pollfd *from)
{
	struct init_msg msg;

	switch (channel_receive(from, &msg)) {
	case RECEIVED_NOTHING:
		return;
	case RECEIVED_END:
		channel_drop_client(ch, i);
		return;
	case RECEIVED_MESSAGE:
		if (msg.type == INIT_ADOPT && channel_may_adopt(ch, ch->client[i]) &&
		    channel_send_adopted(ch, ch->client[i]) >= 0) {
			channel_adopt(ch, i);
			return;
		}
		break;
	case RECEIVED_RUBBISH:
		break;
	}
	channel_refuse_client(ch, i);
}

/* Backwards: a client that is dropped moves only those after it, which have been served. */
static void channel_serve_clients(struct channel *ch, const struct pollfd *fds)
{
	for (int i = INIT_MAX_CLIENTS - 1; i >= 0; i--)
		if (ch->orphaned && fds[i].fd >= 0)
			channel_serve_client(ch, i, &fds[i]);
}

static void channel_accept(struct channel *ch)
{
	int n = 0;
	long fd = sys_accept4(INIT_FD_LISTEN, SOCK_CLOEXEC);

	ch->accept_failed = fd < 0 && fd != -EAGAIN && fd != -EINTR && fd != -ECONNABORTED;
	if (fd < 0)
		return;
	if (ch->client[INIT_MAX_CLIENTS - 1] >= 0)
		channel_refuse_client(ch, 0);
	while (ch->client[n] >= 0)
		n++;
	ch->client[n] = (int)fd;
}

static int channel_serve_supervisor(struct channel *ch, const struct pollfd *from)
{
	struct init_msg msg;
	enum received what = channel_receive(from, &msg);

	if (what == RECEIVED_END)
		channel_lose_supervisor(ch);
	if (what == RECEIVED_MESSAGE && msg.type == INIT_SIGNAL_JOB && msg.value >= 1 &&
	    msg.value <= 64)
		return msg.value;
	return 0;
}

void channel_open(struct channel *ch, unsigned int n_keep)
{
	long flags = sys_fcntl(INIT_FD_LISTEN, F_GETFL, 0);

	ch->n_keep = n_keep;
	ch->owner = channel_peer_of(INIT_FD_SUPERVISOR).uid;
	ch->orphaned = false;
	ch->accept_failed = false;
	for (int i = 0; i < INIT_MAX_CLIENTS; i++)
		ch->client[i] = -1;
	/* accept4(2) must not wait when another process was quicker: the socket is shared. */
	sys_fcntl(INIT_FD_LISTEN, F_SETFL, flags | O_NONBLOCK);
}

void channel_watch(const struct channel *ch, struct pollfd *fds)
{
	const short input = POLLIN | POLLRDHUP;
	int listen = ch->orphaned && !ch->accept_failed ? INIT_FD_LISTEN : -1;

	fds[0] = (struct pollfd){ .fd = ch->orphaned ? -1 : INIT_FD_SUPERVISOR, .events = input };
	fds[1] = (struct pollfd){ .fd = listen, .events = POLLIN };
	for (int i = 0; i < INIT_MAX_CLIENTS; i++)
		fds[2 + i] = (struct pollfd){ .fd = ch->client[i], .events = input };
}

int channel_serve(struct channel *ch, const struct pollfd *fds)
{
	int signal = channel_serve_supervisor(ch, &fds[0]);

	channel_serve_clients(ch, &fds[2]);
	ch->accept_failed = false;
	if (ch->orphaned && fds[1].revents)
		channel_accept(ch);
	return signal;
}

void channel_tell(const struct channel *ch, enum init_msg_type type, int value)
{
	if (!ch->orphaned)
		channel_send(INIT_FD_SUPERVISOR, type, value, NULL, 0);
}

/*
 * A unix socket that is closed with messages unread gives its peer ECONNRESET before what was sent
 * to it (unix_release_sock() in net/unix/af_unix.c). After the shutdown no more come in, so this
 * ends.
 */
void channel_finish(const struct channel *ch)
{
	struct init_msg msg;

	if (ch->orphaned)
		return;
	sys_shutdown(INIT_FD_SUPERVISOR, SHUT_RD);
	while (sys_recv(INIT_FD_SUPERVISOR, &msg, sizeof(msg), MSG_DONTWAIT) > 0)
		;
}
