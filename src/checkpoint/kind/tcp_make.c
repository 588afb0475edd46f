/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_make.c - see tcp_make.h.
 *
 * Connections are made by TCP_REPAIR, without a packet, and stay in that mode until both ends are
 * there: released before, one would be answered by a reset. What one end has not got yet is then
 * sent the ordinary way. Only connections that were not accepted are made by connect(2): the kernel
 * queues no others.
 *
 * Sockets that listen, or are only bound, come first: the port of a connection can be taken beside
 * them (the mode forces it), not the other way round.
 */
#include "checkpoint/kind/tcp_make.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/kind/socket_inject.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/tcp_repair.h"

#define STASH_LEFT "tcp.left" /* a makeshift other end, by our id */
#define CONNECT_MS 5000
#define DEAD_PORT  9 /* nobody answers there but with a reset, whoever listens */

struct tcp_done {
	bool bound_first;
	uint64_t *released;
	size_t n_released;
};

static struct tcp_done *done_of(struct holder *h)
{
	void **memory = holder_memory(h, "tcp");
	if (!*memory)
		*memory = arena_alloc(holder_arena(h), sizeof(struct tcp_done));
	return *memory;
}

static int peer_get(struct holder *h, uint64_t id, struct tcp_record **ret, struct error *err)
{
	*ret = arena_alloc(holder_arena(h), sizeof(**ret));
	return image_get(holder_image(h), "file.tcp", id, tcp_record_fields, holder_arena(h), *ret,
			 err);
}

static bool is_address(const struct bytes *b, uint32_t domain, bool optional)
{
	size_t size = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	sa_family_t family = 0;
	if (optional && !b->size)
		return true;
	if (b->size == size)
		memcpy(&family, b->data, sizeof(family));
	return b->size == size && family == domain;
}

static bool needs_peer(uint32_t role)
{
	return role == TCP_CONNECTING || role == TCP_PAIRED || role == TCP_WAITING ||
	       role == TCP_LEFT || role == TCP_OUTSIDE;
}

static int role_check(const struct tcp_record *rec, struct error *err)
{
	bool good = (rec->domain == AF_INET || rec->domain == AF_INET6) && rec->role < TCP_ROLE_N &&
		    is_address(&rec->name, rec->domain,
			       rec->role == TCP_FREE || rec->role == TCP_DEAD) &&
		    is_address(&rec->peer_name, rec->domain, !needs_peer(rec->role)) &&
		    rec->flow.unsent <= rec->flow.sending.size;
	return good ? 0 : error_set(err, EBADMSG, "no such TCP socket can be");
}

/* ---- sockets and addresses ---- */

static int bind_to(int fd, const struct bytes *name, struct error *err)
{
	struct buf text CLEANUP_BUF = BUF_INIT;
	if (bind(fd, name->data, (socklen_t)name->size) == 0)
		return 0;
	int e = errno;
	socket_address_print(name, &text);
	return error_sys(err, e, "cannot take the address %s", buf_str(&text));
}

static int socket_new(const struct tcp_record *rec, struct error *err)
{
	CLEANUP_FD int fd = socket((int)rec->domain, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return error_sys(err, errno, "cannot make a socket");
	int r = socket_options_set(fd, SOCKET_TCP, SOCKET_EARLY, &rec->options, err);
	return r < 0 ? r : take_fd(&fd);
}

/* Bound whoever else has the port; the mode stays on. */
static int socket_forced(const struct tcp_record *rec, const struct bytes *name, struct error *err)
{
	CLEANUP_FD int fd = socket_new(rec, err);
	if (fd < 0)
		return fd;
	int r = tcp_repair_set(fd, TCP_REPAIR_IS_ON);
	if (r < 0) {
		error_sys(err, -r, "cannot make TCP connections again (TCP_REPAIR)");
		return error_hint(err, "it needs CAP_NET_ADMIN over the container's network");
	}
	r = name->size ? bind_to(fd, name, err) : 0;
	return r < 0 ? r : take_fd(&fd);
}

/* As root of a shared network the address may be in use by a connection that ended a minute ago. */
static int bind_patiently(int fd, const struct bytes *name, struct error *err)
{
	int reuse = 0, on = 1;
	socklen_t size = sizeof(reuse);
	if (bind(fd, name->data, (socklen_t)name->size) == 0)
		return 0;
	if (errno != EADDRINUSE || getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &size) < 0)
		return bind_to(fd, name, err);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	int r = bind_to(fd, name, err);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
	return r;
}

static int open_bound(const struct tcp_record *rec, struct error *err)
{
	CLEANUP_FD int fd = socket_new(rec, err);
	int r = fd < 0 ? fd : rec->name.size ? bind_patiently(fd, &rec->name, err) : 0;
	if (r < 0)
		return r;
	if (rec->role == TCP_LISTENING && listen(fd, (int)MIN(rec->backlog, 1u << 30)) < 0)
		return error_sys(err, errno, "cannot listen again");
	return take_fd(&fd);
}

static int open_connecting(const struct tcp_record *rec, struct error *err)
{
	CLEANUP_FD int fd = socket_forced(rec, &rec->name, err);
	int r = fd < 0 ? fd : tcp_repair_set(fd, TCP_REPAIR_SILENT);
	return r < 0 ? r : take_fd(&fd);
}

static int open_connected(const struct tcp_record *rec, struct error *err)
{
	CLEANUP_FD int fd = socket_forced(rec, &rec->name, err);
	int r = fd < 0 ? fd : tcp_repair_connect(fd, &rec->peer_name, &rec->flow, err);
	return r < 0 ? r : take_fd(&fd);
}

/* The other end as it was before it was closed: its numbers are ours the other way round. */
static int open_left(struct holder *h, uint64_t id, const struct tcp_record *rec, struct error *err)
{
	CLEANUP_FD int fd = open_connected(rec, err);
	if (fd < 0 || !rec->flow.fin_received)
		return take_fd(&fd);
	struct tcp_record mirror = { .domain = rec->domain };
	mirror.flow = (struct tcp_flow){
		.receive_end = rec->flow.send_start,
		.send_start = rec->flow.receive_end,
		.mss = rec->flow.mss,
		.send_scale = rec->flow.receive_scale,
		.receive_scale = rec->flow.send_scale,
		.features = rec->flow.features,
		.timestamp = rec->flow.timestamp,
		.has_window = true, /* for its FIN */
		.window_wl1 = rec->flow.send_start,
		.window_wup = rec->flow.send_start,
		.window_send = UINT16_MAX,
		.window_max = UINT16_MAX,
		.window_receive = UINT16_MAX,
	};
	CLEANUP_FD int other = socket_forced(&mirror, &rec->peer_name, err);
	int r = other < 0 ? other : tcp_repair_connect(other, &rec->name, &mirror.flow, err);
	if (r < 0)
		return r;
	holder_stash_take(h, STASH_LEFT, id, take_fd(&other));
	return take_fd(&fd);
}

/*
 * A connection to where nobody is, on our own address: leaving the mode with a probe brings the
 * reset, and the socket is as after any connection's end. An orderly end looks the same once the
 * error is fetched.
 */
static int open_dead(const struct tcp_record *rec, struct error *err)
{
	struct tcp_record dead = *rec;
	struct sockaddr_in6 loopback6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in loopback = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_storage peer = { 0 };
	struct error ignored;
	CLEANUP_FD int fd = rec->name.size ? socket_forced(rec, &rec->name, &ignored) : FD_NONE;
	if (fd < 0) { /* without its address: that may be gone */
		dead.name.data = rec->domain == AF_INET ? (void *)&loopback : (void *)&loopback6;
		dead.name.size = rec->domain == AF_INET ? sizeof(loopback) : sizeof(loopback6);
		fd = socket_forced(&dead, &dead.name, err);
	}
	if (fd < 0)
		return fd;
	memcpy(&peer, dead.name.data, MIN(dead.name.size, sizeof(peer)));
	((struct sockaddr_in *)&peer)->sin_port = htons(DEAD_PORT);
	struct bytes to = { &peer, dead.name.size };
	struct tcp_flow flow = { .received = rec->flow.received,
				 .receive_end = (uint32_t)rec->flow.received.size };
	int r = tcp_repair_connect(fd, &to, &flow, err);
	if (r == 0 && tcp_repair_set(fd, TCP_REPAIR_PROBE) < 0)
		r = error_set(err, EIO, "cannot end a connection");
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };
	if (r == 0 && (poll(&p, 1, CONNECT_MS) != 1 || !(p.revents & POLLERR)))
		r = error_set(err, EIO, "a connection to nowhere was not reset");
	if (r == 0 && !rec->error) {
		int code;
		socklen_t size = sizeof(code);
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
	}
	return r < 0 ? r : take_fd(&fd);
}

/* Every bound socket of the image, once, before the first connection. */
static int bound_first(struct holder *h, struct error *err)
{
	struct tcp_done *d = done_of(h);
	struct image_record each;
	size_t at = 0;
	int r = 0;
	if (d->bound_first)
		return 0;
	d->bound_first = true;
	while (r >= 0 && image_each(holder_image(h), &at, &each)) {
		struct tcp_record *rec;
		if (!str_eq(each.type, "file.tcp"))
			continue;
		r = peer_get(h, each.id, &rec, err);
		if (r == 0 && (rec->role == TCP_LISTENING || rec->role == TCP_FREE))
			r = holder_fd(h, each.id, err);
	}
	return r < 0 ? r : 0;
}

int tcp_open(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	const struct tcp_record *rec = record;
	(void)flags;
	int r = role_check(rec, err);
	if (r < 0 || rec->role == TCP_FREE || rec->role == TCP_LISTENING)
		return r < 0 ? r : open_bound(rec, err);
	r = bound_first(h, err);
	if (r < 0)
		return r;
	switch (rec->role) {
	case TCP_CONNECTING:
	case TCP_WAITING:
		return open_connecting(rec, err);
	case TCP_LEFT:
		return open_left(h, id, rec, err);
	case TCP_DEAD:
		return open_dead(rec, err);
	default:
		return open_connected(rec, err);
	}
}

/* ---- finishing ---- */

static int send_all(int fd, const struct bytes *data, size_t from, struct error *err)
{
	struct socket_room room CLEANUP_SOCKET_ROOM = socket_room_make(fd, data->size);
	for (size_t at = from; at < data->size;) {
		ssize_t n = send(fd, (const char *)data->data + at, data->size - at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return error_sys(err, errno, "cannot send again what was being sent");
		at += (size_t)n;
	}
	return 0;
}

static int send_unsent(int fd, const struct tcp_flow *f, struct error *err)
{
	return send_all(fd, &f->sending, f->sending.size - f->unsent, err);
}

/* Leaving the mode has reset it. */
static int reuse_again(int fd, const struct list *options)
{
	const struct socket_option *o = options->v;
	for (size_t i = 0; i < options->n; i++)
		if (str_eq(o[i].name, "SO_REUSEADDR") && o[i].value.size == sizeof(int) &&
		    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, o[i].value.data, sizeof(int)) < 0)
			return -errno;
	return 0;
}

static int settle(int fd, const struct tcp_record *rec, struct error *err)
{
	if (rec->flow.fin_sent && shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN)
		return error_sys(err, errno, "cannot shut a connection down again");
	if (rec->shut && shutdown(fd, SHUT_RD) < 0 && errno != ENOTCONN)
		return error_sys(err, errno, "cannot shut a connection down again");
	int r = reuse_again(fd, &rec->options);
	if (r < 0)
		return error_sys(err, -r, "cannot set SO_REUSEADDR");
	return socket_options_set(fd, SOCKET_TCP, SOCKET_LATE, &rec->options, err);
}

static int release(int fd, enum tcp_repair_mode mode, struct error *err)
{
	int r = tcp_repair_set(fd, mode);
	return r < 0 ? error_sys(err, -r, "cannot let a connection go on") : 0;
}

static bool release_noted(struct holder *h, uint64_t id, uint64_t peer)
{
	struct tcp_done *d = done_of(h);
	for (size_t i = 0; i < d->n_released; i++)
		if (d->released[i] == id)
			return true;
	*arena_push(holder_arena(h), d->released, d->n_released) = id;
	*arena_push(holder_arena(h), d->released, d->n_released) = peer;
	return false;
}

/* Both ends at once, whichever is finished first. */
static int release_pair(struct holder *h, uint64_t id, int fd, const struct tcp_record *rec,
			struct error *err)
{
	struct tcp_record *peer;
	if (release_noted(h, id, rec->peer))
		return 0;
	int other = holder_fd(h, rec->peer, err);
	int r = other < 0 ? other : peer_get(h, rec->peer, &peer, err);
	if (r == 0 && (peer->role != TCP_PAIRED || peer->peer != id || rec->peer == id))
		r = error_set(err, EBADMSG, "the two ends of a connection do not agree");
	if (r == 0)
		r = release(fd, TCP_REPAIR_PROBE, err);
	if (r == 0)
		r = release(other, TCP_REPAIR_PROBE, err);
	if (r == 0)
		r = send_unsent(fd, &rec->flow, err);
	return r < 0 ? r : send_unsent(other, &peer->flow, err);
}

static int finish_left(struct holder *h, uint64_t id, int fd, const struct tcp_record *rec,
		       struct error *err)
{
	CLEANUP_FD int other = holder_unstash(h, STASH_LEFT, id);
	int r = other < 0 ? 0 : release(other, TCP_REPAIR_SILENT, err);
	if (r == 0)
		r = release(fd, TCP_REPAIR_SILENT, err);
	other = fd_close(other); /* its FIN comes */
	return r < 0 ? r : settle(fd, rec, err);
}

static int finish_outside(int fd, const struct tcp_record *rec, struct error *err)
{
	const struct tcp_flow *f = &rec->flow;
	int r = release(fd, TCP_REPAIR_PROBE, err);
	if (r == 0)
		r = send_unsent(fd, f, err);
	if (r == 0 && f->fin_received)
		r = socket_inject_fin(&rec->peer_name, &rec->name, f->receive_end, f->send_start,
				      err);
	return r < 0 ? r : settle(fd, rec, err);
}

/* Without waiting for ever: a queue that is full would not answer. */
static int connect_now(int fd, const struct bytes *to, bool wait, struct error *err)
{
	int flags = fcntl(fd, F_GETFL), code = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(code);
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	int r = connect(fd, to->data, (socklen_t)to->size) < 0 ? -errno : 0;
	(void)fcntl(fd, F_SETFL, flags);
	if (r == -EINPROGRESS && !wait)
		return 0;
	if (r == -EINPROGRESS) {
		r = poll(&p, 1, CONNECT_MS) == 1 ? 0 : -ETIMEDOUT;
		if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0)
			r = -code;
	}
	return r < 0 ? error_sys(err, -r, "cannot connect again") : 0;
}

static int finish_waiting(struct holder *h, const struct tcp_record *listener,
			  const struct tcp_waiting *w, struct error *err)
{
	struct tcp_record makeshift = { .domain = listener->domain, .role = TCP_WAITING };
	struct tcp_record *rec = &makeshift;
	CLEANUP_FD int own = FD_NONE;
	int r = w->client ? peer_get(h, w->client, &rec, err) : 0;
	if (r < 0)
		return r;
	if (!w->client) {
		makeshift.name = w->client_name;
		makeshift.peer_name = w->name;
		r = role_check(rec, err);
		own = r < 0 ? r : open_connecting(rec, err);
	}
	int fd = w->client ? holder_fd(h, w->client, err) : own;
	size_t had = w->received.size ? w->receive_end - rec->flow.send_start : 0;
	if (fd < 0 || rec->role != TCP_WAITING)
		return fd < 0 ? fd : error_set(err, EBADMSG, "a client does not wait");
	r = connect_now(fd, &rec->peer_name, true, err);
	if (r == 0)
		r = send_all(fd, &w->received, 0, err);
	if (r == 0)
		r = send_all(fd, &rec->flow.sending, MIN(had, rec->flow.sending.size), err);
	return r < 0 ? r : settle(fd, rec, err);
}

static bool is_among(const struct tcp_waiting_record *v, uint64_t client)
{
	const struct tcp_waiting *w = v->connections.v;
	for (size_t i = 0; i < v->connections.n; i++)
		if (w[i].client == client)
			return true;
	return false;
}

static int finish_listening(struct holder *h, uint64_t id, int fd, const struct tcp_record *rec,
			    struct error *err)
{
	struct tcp_waiting_record waiting = { 0 };
	int r = settle(fd, rec, err);
	if (r == 0 && rec->waiting_data)
		r = image_get(holder_image(h), "file.tcp.waiting", id, tcp_waiting_fields,
			      holder_arena(h), &waiting, err);
	const struct tcp_waiting *w = waiting.connections.v;
	for (size_t i = 0; i < waiting.connections.n && r == 0; i++)
		r = finish_waiting(h, rec, &w[i], err);
	for (size_t i = 0; i < rec->waiting.n && r == 0; i++) {
		struct tcp_waiting one = { .client = rec->waiting.v[i] };
		if (!is_among(&waiting, one.client))
			r = finish_waiting(h, rec, &one, err);
	}
	return r;
}

int tcp_finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	const struct tcp_record *rec = record;
	int r;
	switch (rec->role) {
	case TCP_LISTENING:
		return finish_listening(h, id, fd, rec, err);
	case TCP_CONNECTING:
		r = connect_now(fd, &rec->peer_name, false, err);
		return r < 0 ? r : settle(fd, rec, err);
	case TCP_PAIRED:
		r = release_pair(h, id, fd, rec, err);
		return r < 0 ? r : settle(fd, rec, err);
	case TCP_WAITING: /* its listener does it */
		return 0;
	case TCP_LEFT:
		return finish_left(h, id, fd, rec, err);
	case TCP_OUTSIDE:
		return finish_outside(fd, rec, err);
	default:
		return settle(fd, rec, err);
	}
}
