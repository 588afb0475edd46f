/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_make.c - see unix_make.h.
 *
 * open() makes sockets with their names and, for streams, their connections; the other end of a
 * pair waits in the holder's stash. finish() fills queues, connects datagrams, and only then takes
 * directions down and sets options: what was sent before a shutdown(2) or a SO_RCVBUF could not be
 * sent after it.
 */
#include "checkpoint/kind/unix_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/socket_queue.h"
#include "checkpoint/kind/unix_name.h"

/*
 * Stashes: the other end, by its id; a makeshift other end, by ours; the private root that a name
 * is below.
 */
#define STASH_PAIR "unix"
#define STASH_GONE "unix.gone"
#define STASH_ROOT "unix.root"

enum { SHUTDOWN_RECEIVE = 1, SHUTDOWN_SEND = 2 };

/*
 * What finish() has done already: a pair is filled at once, datagrams in the order of their
 * connections.
 */
struct unix_done {
	uint64_t *filled, *settled;
	size_t n_filled, n_settled;
};

static struct unix_done *done_of(struct holder *h)
{
	void **memory = holder_memory(h, "unix");
	if (!*memory)
		*memory = arena_alloc(holder_arena(h), sizeof(struct unix_done));
	return *memory;
}

static bool is_noted(const uint64_t *v, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == id)
			return true;
	return false;
}

static void note(struct holder *h, uint64_t **v, size_t *n, uint64_t id)
{
	uint64_t *slot = arena_grow(holder_arena(h), v, n, sizeof(uint64_t));
	*slot = id;
}

static int peer_get(struct holder *h, uint64_t id, struct unix_record **ret, struct error *err)
{
	*ret = arena_alloc(holder_arena(h), sizeof(**ret));
	return image_get(holder_image(h), "file.unix", id, unix_record_fields, holder_arena(h),
			 *ret, err);
}

static int role_check(const struct unix_record *rec, struct error *err)
{
	bool type =
		rec->type == SOCK_STREAM || rec->type == SOCK_DGRAM || rec->type == SOCK_SEQPACKET;
	if (!type || rec->role >= UNIX_ROLE_N || rec->name.size > UNIX_NAME_MAX ||
	    rec->peer_name.size > UNIX_NAME_MAX ||
	    (rec->type == SOCK_DGRAM && (rec->role == UNIX_LISTENING || rec->role == UNIX_WAITING)))
		return error_set(err, EBADMSG, "no such socket can be");
	return 0;
}

static struct unix_as as(struct holder *h, const struct unix_credentials *c)
{
	return (struct unix_as){ .credentials = c, .has_pids = holder_has_pids(h) };
}

/* ---- names ---- */

static bool has_own_name(const struct unix_record *rec)
{
	return rec->name.size && !rec->accepted;
}

static bool is_abstract(const struct bytes *name)
{
	return name->size && *(const char *)name->data == '\0';
}

static int bind_below_new_root(struct holder *h, const char *stash, uint64_t key, int fd,
			       const struct bytes *name, struct error *err)
{
	CLEANUP_FD int root = is_abstract(name) ? FD_NONE : unix_root_new(err);
	if (!is_abstract(name) && root < 0)
		return root;
	int r = unix_name_bind_below(fd, name, root, err);
	if (r == 0 && stash && root >= 0)
		holder_stash_take(h, stash, key, take_fd(&root));
	return r;
}

static int bind_own(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
		    struct error *err)
{
	if (!has_own_name(rec))
		return 0;
	if (is_abstract(&rec->name))
		return unix_name_bind(fd, &rec->name, NULL, err);
	if (!rec->node.path)
		return error_set(err, EBADMSG, "a bound socket has no node");
	if (rec->node.gone)
		return bind_below_new_root(h, STASH_ROOT, id, fd, &rec->name, err);
	return unix_name_bind(fd, &rec->name, &rec->node, err);
}

static int socket_new(uint32_t type, struct error *err)
{
	int fd = socket(AF_UNIX, (int)type | SOCK_CLOEXEC, 0);
	return fd < 0 ? error_sys(err, errno, "cannot make a socket") : fd;
}

/* Where the socket with this record can be reached by others. */
static struct unix_target target_of(struct holder *h, uint64_t id, const struct unix_record *rec)
{
	struct unix_target t = { .name = &rec->name, .node = &rec->node, .root = FD_NONE };
	if (!is_abstract(&rec->name) && rec->node.gone) {
		t.node = NULL;
		t.root = holder_stashed(h, STASH_ROOT, id);
	}
	return t;
}

/* ---- stream and seqpacket connections ---- */

/* A connection as it was made: client connected to a name, server came out of accept(2). */
struct connection {
	uint32_t type;
	const struct bytes *name; /* the listener's */
	uint64_t listener;	  /* its id, where it is there and the name abstract */
	const struct unix_credentials *of_client; /* SO_PEERCRED of the server */
	const struct unix_credentials *of_server;
};

static int connect_and_accept(struct holder *h, const struct connection *c, int listener, int root,
			      int client, struct error *err)
{
	struct unix_target to = { .name = c->name, .root = root };
	struct unix_as who = as(h, c->of_client);
	int r = unix_name_connect(client, &to, &who, err);
	if (r < 0)
		return r;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "cannot accept a connection again") : fd;
}

/* Returns the server's end; client is bound already where it has a name. */
static int connection_make(struct holder *h, const struct connection *c, int client,
			   struct error *err)
{
	if (c->listener && is_abstract(c->name)) {
		int listener = holder_fd(h, c->listener, err);
		return listener < 0 ? listener
				    : connect_and_accept(h, c, listener, FD_NONE, client, err);
	}
	CLEANUP_FD int listener = socket_new(c->type, err);
	if (listener < 0)
		return listener;
	CLEANUP_FD int root = is_abstract(c->name) ? FD_NONE : unix_root_new(err);
	if (!is_abstract(c->name) && root < 0)
		return root;
	struct unix_as who = as(h, c->of_server);
	int r = unix_name_bind_below(listener, c->name, root, err);
	if (r == 0)
		r = unix_listen_as(listener, 1, &who, err);
	return r < 0 ? r : connect_and_accept(h, c, listener, root, client, err);
}

/*
 * Makes both ends. a is ours; b the record of the other, NULL when it is closed: then only its name
 * is known. ret_fds[0] is ours.
 */
static int pair_make(struct holder *h, uint64_t id, const struct unix_record *a, uint64_t b_id,
		     const struct unix_record *b, int ret_fds[2], struct error *err)
{
	bool we_accepted = a->accepted;
	bool they_accepted =
		b ? b->accepted : a->role == UNIX_HUNG_UP && a->peer_name.size && !a->accepted;
	CLEANUP_FD int client = FD_NONE;
	int r;
	if (!we_accepted && !they_accepted) {
		struct unix_as who = as(h, &a->peer_credentials);
		r = unix_pair_as((int)a->type, ret_fds, &who, err);
		if (r == 0)
			r = bind_own(h, id, ret_fds[0], a, err);
		if (r == 0 && b)
			r = bind_own(h, b_id, ret_fds[1], b, err);
		return r;
	}
	client = socket_new(a->type, err);
	if (client < 0)
		return client;
	struct connection c = { .type = a->type, .listener = a->listener };
	if (we_accepted) {
		c.name = &a->name;
		c.of_client = &a->peer_credentials;
		c.of_server = b ? &b->peer_credentials : NULL;
		r = b ? bind_own(h, b_id, client, b, err)
		    : a->peer_name.size
			    ? bind_below_new_root(h, NULL, 0, client, &a->peer_name, err)
			    : 0;
	} else {
		c.name = b ? &b->name : &a->peer_name;
		c.of_client = b ? &b->peer_credentials : NULL;
		c.of_server = &a->peer_credentials;
		r = bind_own(h, id, client, a, err);
	}
	int server = r < 0 ? r : connection_make(h, &c, client, err);
	if (server < 0)
		return server;
	ret_fds[we_accepted ? 0 : 1] = server;
	ret_fds[we_accepted ? 1 : 0] = take_fd(&client);
	return 0;
}

static int open_connected(struct holder *h, uint64_t id, const struct unix_record *rec,
			  struct error *err)
{
	struct unix_record *peer;
	int fds[2] = { FD_NONE, FD_NONE };
	int r = peer_get(h, rec->peer, &peer, err);
	if (r == 0 && (peer->role != UNIX_CONNECTED || peer->type != rec->type ||
		       (peer->peer != id && rec->type != SOCK_DGRAM) || rec->peer == id))
		r = error_set(err, EBADMSG, "the two ends of a connection do not agree");
	if (r == 0)
		r = pair_make(h, id, rec, rec->peer, peer, fds, err);
	if (r < 0) {
		fd_close(fds[0]);
		fd_close(fds[1]);
		return r;
	}
	holder_stash_take(h, STASH_PAIR, rec->peer, fds[1]);
	return fds[0];
}

static int open_hung_up(struct holder *h, uint64_t id, const struct unix_record *rec,
			struct error *err)
{
	int fds[2] = { FD_NONE, FD_NONE };
	int r = pair_make(h, id, rec, 0, NULL, fds, err);
	if (r < 0) {
		fd_close(fds[0]);
		fd_close(fds[1]);
		return r;
	}
	holder_stash_take(h, STASH_GONE, id, fds[1]);
	return fds[0];
}

/*
 * Datagrams that can only have come from socketpair(2): one of the two has no name to be connected
 * to by.
 */
static bool is_datagram_pair(struct holder *h, uint64_t id, const struct unix_record *rec)
{
	struct unix_record *peer;
	if (rec->type != SOCK_DGRAM || rec->role != UNIX_CONNECTED || rec->peer == id ||
	    peer_get(h, rec->peer, &peer, NULL) < 0)
		return false;
	return peer->role == UNIX_CONNECTED && peer->peer == id &&
	       (!rec->name.size || !peer->name.size);
}

static int open_single(struct holder *h, uint64_t id, const struct unix_record *rec,
		       struct error *err)
{
	CLEANUP_FD int fd = socket_new(rec->type, err);
	struct unix_as who = as(h, &rec->peer_credentials);
	int r = fd < 0 ? fd : bind_own(h, id, fd, rec, err);
	if (r == 0 && rec->role == UNIX_LISTENING)
		r = unix_listen_as(fd, rec->backlog, &who, err);
	return r < 0 ? r : take_fd(&fd);
}

int unix_open(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	const struct unix_record *rec = record;
	(void)flags;
	int r = role_check(rec, err);
	if (r < 0)
		return r;
	int fd = holder_unstash(h, STASH_PAIR, id);
	if (fd >= 0)
		return fd;
	if (rec->type == SOCK_DGRAM) {
		if (is_datagram_pair(h, id, rec))
			return open_connected(h, id, rec, err);
		if (rec->role == UNIX_HUNG_UP && !rec->peer_name.size)
			return open_hung_up(h, id, rec, err);
		return open_single(h, id, rec, err);
	}
	if (rec->role == UNIX_CONNECTED)
		return open_connected(h, id, rec, err);
	if (rec->role == UNIX_HUNG_UP)
		return open_hung_up(h, id, rec, err);
	return open_single(h, id, rec, err);
}

/* ---- queues ---- */

static int message_files(struct holder *h, const struct socket_message *m,
			 int fds[SOCKET_MESSAGE_FDS], struct error *err)
{
	if (m->files.n > SOCKET_MESSAGE_FDS)
		return error_set(err, EBADMSG, "too many descriptors in a message");
	for (size_t i = 0; i < m->files.n; i++) {
		fds[i] = holder_fd(h, m->files.v[i], err);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

static int send_one(struct holder *h, int from, const struct socket_message *m,
		    const struct unix_target *to, struct error *err)
{
	int fds[SOCKET_MESSAGE_FDS];
	struct unix_credentials c = {
		.known = m->has_credentials, .pid = m->pid, .uid = m->uid, .gid = m->gid
	};
	struct unix_as who = as(h, &c);
	int r = message_files(h, m, fds, err);
	return r < 0 ? r : unix_send_to(from, m, fds, to, &who, err);
}

/* -EAGAIN while an open file in flight cannot be made yet: to be asked before anything is sent. */
static int queue_ready(struct holder *h, const struct list *queue, struct error *err)
{
	const struct socket_message *m = queue->v;
	int fds[SOCKET_MESSAGE_FDS], r = 0;
	for (size_t i = 0; i < queue->n && r == 0; i++)
		r = message_files(h, &m[i], fds, err);
	return r;
}

/* Everything over a connection. */
static int queue_fill(struct holder *h, int from, const struct list *queue, struct error *err)
{
	const struct socket_message *m = queue->v;
	if (!queue->n)
		return 0;
	struct socket_room room CLEANUP_SOCKET_ROOM =
		socket_room_make(from, socket_queue_bytes(queue));
	int r = 0;
	for (size_t i = 0; i < queue->n && r == 0; i++)
		r = send_one(h, from, &m[i], NULL, err);
	return r;
}

/* ---- finishing ---- */

static int settle(int fd, const struct unix_record *rec, struct error *err)
{
	static const int how[] = { -1, SHUT_RD, SHUT_WR, SHUT_RDWR };
	unsigned down = rec->shutdown & (SHUTDOWN_RECEIVE | SHUTDOWN_SEND);
	if (rec->role == UNIX_FREE || rec->role == UNIX_LISTENING || rec->role == UNIX_HUNG_UP)
		down = rec->type == SOCK_DGRAM ? down : 0;
	if (down && shutdown(fd, how[down]) < 0)
		return error_sys(err, errno, "cannot shut a connection down again");
	return socket_options_set(fd, SOCKET_UNIX, SOCKET_LATE, &rec->options, err);
}

/* Both directions, whichever end is finished first. */
static int fill_both(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
		     struct error *err)
{
	struct unix_done *d = done_of(h);
	struct unix_record *peer;
	if (is_noted(d->filled, d->n_filled, id))
		return 0;
	int other = holder_fd(h, rec->peer, err);
	int r = other < 0 ? other : peer_get(h, rec->peer, &peer, err);
	if (r == 0)
		r = queue_ready(h, &rec->queue, err);
	if (r == 0)
		r = queue_ready(h, &peer->queue, err);
	if (r < 0)
		return r;
	note(h, &d->filled, &d->n_filled, id);
	note(h, &d->filled, &d->n_filled, rec->peer);
	r = queue_fill(h, other, &rec->queue, err);
	return r < 0 ? r : queue_fill(h, fd, &peer->queue, err);
}

static int finish_connected(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
			    struct error *err)
{
	int r = fill_both(h, id, fd, rec, err);
	return r < 0 ? r : settle(fd, rec, err);
}

static int finish_hung_up(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
			  struct error *err)
{
	int r = queue_ready(h, &rec->queue, err);
	if (r < 0)
		return r;
	CLEANUP_FD int other = holder_unstash(h, STASH_GONE, id);
	r = queue_fill(h, other, &rec->queue, err);
	/* who closes without having read everything resets the connection */
	if (r == 0 && rec->reset && send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		r = error_sys(err, errno, "cannot make a reset connection again");
	other = fd_close(other);
	return r < 0 ? r : settle(fd, rec, err);
}

static int finish_waiting(struct holder *h, const struct unix_target *to,
			  const struct unix_waiting *w, uint32_t type, struct error *err)
{
	struct unix_record *rec = NULL;
	CLEANUP_FD int own = w->client ? FD_NONE : socket_new(type, err);
	int fd = w->client ? holder_fd(h, w->client, err) : own;
	int r = fd < 0 ? fd : w->client ? peer_get(h, w->client, &rec, err) : 0;
	struct unix_as who = as(h, &w->credentials);
	if (r == 0)
		r = unix_name_connect(fd, to, &who, err);
	if (r == 0)
		r = queue_fill(h, fd, &w->queue, err);
	return r < 0 || !rec ? r : settle(fd, rec, err);
}

static int finish_listening(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
			    struct error *err)
{
	struct unix_waiting_record waiting = { 0 };
	struct unix_target to = target_of(h, id, rec);
	int r = 0;
	if (rec->waiting_data)
		r = image_get(holder_image(h), "file.unix.waiting", id, unix_waiting_fields,
			      holder_arena(h), &waiting, err);
	for (size_t i = 0; i < rec->waiting.n && !rec->waiting_data; i++) {
		struct unix_waiting *w = arena_grow(holder_arena(h), &waiting.connections.v,
						    &waiting.connections.n, sizeof(*w));
		w->client = rec->waiting.v[i];
	}
	const struct unix_waiting *w = waiting.connections.v;
	for (size_t i = 0; i < waiting.connections.n && r == 0; i++)
		r = queue_ready(h, &w[i].queue, err);
	for (size_t i = 0; i < waiting.connections.n && r == 0; i++)
		r = finish_waiting(h, &to, &w[i], rec->type, err);
	return r < 0 ? r : settle(fd, rec, err);
}

/* ---- datagrams ---- */

static int makeshift_sender(const struct socket_message *m, int root, struct error *err)
{
	CLEANUP_FD int fd = socket_new(SOCK_DGRAM, err);
	size_t head = offsetof(struct sockaddr_un, sun_path);
	if (fd < 0 || m->from.size <= head)
		return take_fd(&fd);
	struct bytes name = { (char *)m->from.data + head, m->from.size - head };
	int r = unix_name_bind_below(fd, &name, root, err);
	return r < 0 ? r : take_fd(&fd);
}

/* By the socket that has sent it, or by one with its name that lives only for this. */
static int datagram_send(struct holder *h, const struct unix_target *to,
			 const struct socket_message *m, struct error *err)
{
	CLEANUP_FD int own = FD_NONE;
	CLEANUP_FD int root = FD_NONE;
	struct sockaddr_un un;
	socklen_t size = sizeof(un);
	int from;
	if (m->sender) {
		from = holder_fd(h, m->sender, err);
	} else {
		root = unix_root_new(err);
		from = own = root < 0 ? root : makeshift_sender(m, root, err);
	}
	if (from < 0)
		return from;
	bool connected = getpeername(from, (struct sockaddr *)&un, &size) == 0;
	if (!connected && !to->name->size)
		return error_set(err, EBADMSG, "nobody can send to a socket without a name");
	struct socket_room room CLEANUP_SOCKET_ROOM = socket_room_make(from, m->data.size + 4096);
	return send_one(h, from, m, connected ? NULL : to, err);
}

static int datagram_finish(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
			   unsigned depth, struct error *err);

/*
 * Who is connected to us connects before we connect elsewhere: later the kernel would not let him
 * (EPERM). But two that are connected to each other may do so in any order.
 */
static int connectors_first(struct holder *h, const struct unix_record *rec, unsigned depth,
			    struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < rec->connected.n && r == 0; i++) {
		uint64_t id = rec->connected.v[i];
		struct unix_record *other;
		if (rec->role == UNIX_CONNECTED && id == rec->peer)
			continue;
		int fd = holder_fd(h, id, err);
		r = fd < 0 ? fd : peer_get(h, id, &other, err);
		if (r == 0)
			r = datagram_finish(h, id, fd, other, depth + 1, err);
	}
	return r;
}

static int datagram_connect(struct holder *h, int fd, const struct unix_record *rec,
			    struct error *err)
{
	struct unix_as who = { 0 };
	struct unix_record *peer;
	if (rec->role == UNIX_CONNECTED) {
		int other = holder_fd(h, rec->peer, err); /* makes sure that its name is there */
		int r = other < 0 ? other : peer_get(h, rec->peer, &peer, err);
		if (r < 0)
			return r;
		struct unix_target to = target_of(h, rec->peer, peer);
		return unix_name_connect(fd, &to, &who, err);
	}
	if (rec->role != UNIX_HUNG_UP || !rec->peer_name.size)
		return 0;
	CLEANUP_FD int gone = socket_new(SOCK_DGRAM, err);
	CLEANUP_FD int root = is_abstract(&rec->peer_name) ? FD_NONE : unix_root_new(err);
	struct unix_target to = { .name = &rec->peer_name, .root = root };
	int r = gone < 0 ? gone : unix_name_bind_below(gone, &rec->peer_name, root, err);
	return r < 0 ? r : unix_name_connect(fd, &to, &who, err);
}

static int datagram_finish(struct holder *h, uint64_t id, int fd, const struct unix_record *rec,
			   unsigned depth, struct error *err)
{
	struct unix_done *d = done_of(h);
	struct unix_target to = target_of(h, id, rec);
	const struct socket_message *m = rec->queue.v;
	if (rec->type != SOCK_DGRAM || depth > 64)
		return error_set(err, EBADMSG, "datagram sockets are connected in a circle");
	if (is_noted(d->settled, d->n_settled, id))
		return 0;
	int r = queue_ready(h, &rec->queue, err);
	if (r == 0)
		r = connectors_first(h, rec, depth, err);
	if (r < 0)
		return r;
	note(h, &d->settled, &d->n_settled, id);
	CLEANUP_FD int gone = holder_unstash(h, STASH_GONE, id);
	if (r == 0 && gone >= 0)
		r = queue_fill(h, gone, &rec->queue, err);
	for (size_t i = 0; i < rec->queue.n && r == 0 && gone < 0; i++)
		r = datagram_send(h, &to, &m[i], err);
	gone = fd_close(gone);
	if (r == 0)
		r = datagram_connect(h, fd, rec, err);
	return r < 0 ? r : settle(fd, rec, err);
}

int unix_finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	const struct unix_record *rec = record;
	if (rec->type == SOCK_DGRAM && !is_datagram_pair(h, id, rec))
		return datagram_finish(h, id, fd, rec, 0, err);
	switch (rec->role) {
	case UNIX_LISTENING:
		return finish_listening(h, id, fd, rec, err);
	case UNIX_CONNECTED:
		return finish_connected(h, id, fd, rec, err);
	case UNIX_HUNG_UP:
		return finish_hung_up(h, id, fd, rec, err);
	case UNIX_WAITING: /* its listener does it */
		return 0;
	default:
		return settle(fd, rec, err);
	}
}
