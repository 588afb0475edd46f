/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_collect.c - see tcp_collect.h.
 *
 * Connections within the container are always carried. Those to outside as the dump was told:
 * refused by name, carried, or closed: then the image has a socket that was reset, and the other
 * end is reset when the container's one goes.
 */
#include "checkpoint/kind/tcp_collect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/aside.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/tcp_repair.h"
#include "checkpoint/kind/tcp_survey.h"

/* ---- connections ---- */

static int refuse_outside(struct collect *c, const struct file_facts *f, const struct tcp_entry *e)
{
	struct buf why CLEANUP_BUF = BUF_INIT;
	buf_puts(&why, "the TCP connection ");
	socket_address_print(&e->name, &why);
	buf_puts(&why, " - ");
	socket_address_print(&e->peer_name, &why);
	buf_puts(&why, " goes outside of the container");
	return file_refuse(c, f, buf_str(&why), "--tcp close ends it, --tcp keep carries it");
}

/* What the other end has is its own; only the rest is still to be sent. */
static int leave_rest(struct tcp_flow *flow, const struct tcp_flow *other, struct error *err)
{
	int32_t had = (int32_t)(other->receive_end - flow->send_start);
	if (had < 0 || (size_t)had > flow->sending.size)
		return error_set(err, EAGAIN, "a TCP connection went on while it was read");
	flow->sending.data = (char *)flow->sending.data + had;
	flow->sending.size -= (size_t)had;
	flow->send_start = other->receive_end;
	flow->unsent = (uint32_t)flow->sending.size;
	return 0;
}

static int collect_outside(struct collect *c, const struct file_facts *f, const struct tcp_entry *e,
			   struct tcp_record *rec)
{
	if (c->tcp == TCP_REFUSE)
		return refuse_outside(c, f, e);
	rec->role = TCP_OUTSIDE;
	if (c->tcp == TCP_CLOSE) {
		rec->role = TCP_DEAD;
		rec->error = true;
		rec->flow = (struct tcp_flow){ .received = e->flow.received };
	}
	return 0;
}

static int collect_connected(struct collect *c, const struct file_facts *f,
			     const struct tcp_survey *s, const struct tcp_entry *e,
			     struct tcp_record *rec, struct error *err)
{
	/* shutdown(SHUT_RD) shows as the end of input where no FIN came */
	rec->shut = (e->events & POLLRDHUP) && !e->flow.fin_received;
	switch (e->other) {
	case TCP_OTHER_OURS:
		if (&s->v[e->peer] == e)
			return file_refuse(c, f, "it is connected to itself", "close it");
		rec->role = TCP_PAIRED;
		rec->peer = s->v[e->peer].o->id;
		if (s->v[e->peer].not_carried) /* the dump will be refused */
			return 0;
		return leave_rest(&rec->flow, &s->v[e->peer].flow, err);
	case TCP_OTHER_WAITING:
		rec->role = TCP_WAITING;
		rec->peer = s->v[e->peer].o->id;
		return 0;
	case TCP_OTHER_CLOSED:
		rec->role = TCP_LEFT;
		if (e->left_unsent > 1) /* one is its FIN */
			return file_refuse(c, f,
					   "its other end was closed and has not delivered "
					   "everything yet",
					   "try again");
		return 0;
	default:
		return collect_outside(c, f, e, rec);
	}
}

/* ---- listening ---- */

static const struct tcp_entry *client_of(const struct tcp_survey *s, const struct inet_seen *x)
{
	return tcp_survey_connection(s, &x->peer_addr, x->peer_port, &x->addr, x->port);
}

static bool is_waiting_at(const struct inet_seen *x, const struct tcp_entry *e)
{
	return !x->ino && x->state != STATE_LISTEN && tcp_entry_hears(e, &x->addr, x->port) &&
	       (x->state == STATE_ESTABLISHED || x->state == STATE_CLOSE_WAIT);
}

/*
 * The connections that wait belong to nobody yet: they are found by their address. Which of several
 * listening sockets with one address (SO_REUSEPORT) has it only accepting tells.
 */
static int collect_listening(struct collect *c, const struct file_facts *f,
			     const struct tcp_survey *s, const struct tcp_entry *e,
			     struct tcp_record *rec)
{
	size_t index = (size_t)(e - s->v);
	bool sent = false;
	rec->role = TCP_LISTENING;
	rec->backlog = e->backlog;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].other == TCP_OTHER_WAITING && s->v[i].peer == index) {
			*arena_push(c->arena, rec->waiting.v, rec->waiting.n) = s->v[i].o->id;
			sent |= s->v[i].flow.fin_sent || s->v[i].flow.sending.size;
		}
	for (size_t i = 0; i < s->n_seen && e->n_waiting; i++) {
		const struct inet_seen *x = &s->seen[i];
		if (!is_waiting_at(x, e))
			continue;
		const struct tcp_entry *client = client_of(s, x);
		sent |= x->queued || !client || x->state == STATE_CLOSE_WAIT;
		if (!client && c->tcp != TCP_CLOSE && x->state == STATE_ESTABLISHED)
			return file_refuse(c, f,
					   "a connection from outside of the container waits to be "
					   "accepted",
					   "let it be accepted, or use --tcp close");
	}
	if (c->leave_running && sent)
		return file_refuse(c, f,
				   "a client has connected and sent something, and was not "
				   "accepted yet: that cannot be read",
				   "try again, or do without --leave-running");
	rec->waiting_data = e->n_waiting && !c->leave_running;
	return 0;
}

/* ---- the kind's ---- */

static int find_entry(struct collect *c, const struct file_facts *f,
		      const struct tcp_survey **ret_s, const struct tcp_entry **ret,
		      struct error *err)
{
	int r = tcp_survey(c, f->st.st_ino, ret_s, err);
	if (r < 0)
		return r;
	*ret = tcp_survey_find(*ret_s, f->st.st_ino);
	return *ret ? 0 : error_set(err, ENOENT, "the socket was not found again");
}

int tcp_collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct tcp_record *rec = record;
	const struct tcp_survey *s;
	const struct tcp_entry *e;
	int r = find_entry(c, f, &s, &e, err);
	if (r < 0)
		return r;
	if (e->netns && e->netns != s->netns)
		return file_refuse(c, f, "it belongs to another network namespace",
				   "close it, or hand it in as an external one");
	if (e->not_carried)
		return file_refuse(c, f, e->not_carried, "close it first, or try again");
	*rec = (struct tcp_record){
		.domain = (uint32_t)e->domain,
		.name = e->port || e->state != STATE_CLOSE ? e->name : (struct bytes){ 0 },
		.peer_name = e->peer_name,
		.flow = e->flow,
		.options = e->options,
	};
	if (e->state == STATE_LISTEN)
		return collect_listening(c, f, s, e, rec);
	if (e->state == STATE_SYN_SENT) {
		rec->role = TCP_CONNECTING;
		return 0;
	}
	if (e->state == STATE_CLOSE) {
		rec->role = e->events & POLLRDHUP ? TCP_DEAD : TCP_FREE;
		rec->error = e->events & POLLERR;
		return 0;
	}
	return collect_connected(c, f, s, e, rec, err);
}

/* ---- what waits to be accepted, what must not be ended or be ended at once ---- */

struct drain {
	struct collect *c;
	const struct tcp_entry *e;
	const struct tcp_survey *s;
	struct tcp_waiting_record rec;
};

static struct bytes copy_address(struct arena *arena, const struct sockaddr_storage *ss,
				 socklen_t size)
{
	struct bytes b = { .data = arena_alloc(arena, size), .size = size };
	memcpy(b.data, ss, size);
	return b;
}

static int drain_one(struct drain *d, int fd, const struct sockaddr_storage *from, socklen_t size,
		     struct error *err)
{
	struct sockaddr_storage own = { 0 };
	socklen_t own_size = sizeof(own);
	const struct linger at_once = { 1, 0 };
	if (getsockname(fd, (struct sockaddr *)&own, &own_size) < 0)
		return error_sys(err, errno, "cannot look at a waiting connection");
	const struct in6_addr peer = socket_diag_address(from), here = socket_diag_address(&own);
	const struct tcp_entry *client = tcp_survey_connection(d->s, &peer, socket_diag_port(from),
							       &here, socket_diag_port(&own));
	struct tcp_flow flow = { 0 };
	int r = tcp_repair_read_receiving(fd, d->c->arena, &flow);
	if (r < 0)
		return error_sys(err, -r, "cannot read a waiting connection");
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (!client && !flow.fin_received) /* from outside: it is reset */
		return 0;
	struct tcp_waiting *w =
		arena_grow(d->c->arena, &d->rec.connections.v, &d->rec.connections.n, sizeof(*w));
	w->client = client ? client->o->id : 0;
	w->name = copy_address(d->c->arena, &own, own_size);
	w->client_name = copy_address(d->c->arena, from, size);
	w->received = flow.received;
	w->receive_end = flow.receive_end;
	return 0;
}

static int drain_from_within(void *arg, struct error *err)
{
	struct drain *d = arg;
	int listener = d->e->o->fd, flags = fcntl(listener, F_GETFL), r = 0;
	(void)fcntl(listener, F_SETFL, flags | O_NONBLOCK);
	while (r == 0) {
		struct sockaddr_storage from = { 0 };
		socklen_t size = sizeof(from);
		CLEANUP_FD int fd =
			accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
		if (fd < 0 && errno == EAGAIN)
			break;
		r = fd < 0 ? error_sys(err, errno, "cannot accept a waiting connection")
			   : drain_one(d, fd, &from, size, err);
	}
	(void)fcntl(listener, F_SETFL, flags);
	return r;
}

/*
 * How connections end with the container: those to outside that are carried without a packet, all
 * others by a reset, which leaves no TIME_WAIT behind that would keep the address from the restored
 * container.
 */
static void silence(const struct tcp_survey *s, enum tcp_mode mode)
{
	const struct linger at_once = { 1, 0 };
	for (size_t i = 0; i < s->n; i++) {
		const struct tcp_entry *e = &s->v[i];
		if (e->other == TCP_OTHER_OUTSIDE && mode == TCP_KEEP)
			IGNORE_RESULT(tcp_repair_set(e->o->fd, TCP_REPAIR_IS_ON));
		else if (e->other != TCP_OTHER_NONE)
			(void)setsockopt(e->o->fd, SOL_SOCKET, SO_LINGER, &at_once,
					 sizeof(at_once));
	}
}

int tcp_drain(struct collect *c, struct error *err)
{
	const struct tcp_survey *s;
	int r = tcp_survey(c, 0, &s, err);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		struct drain d = { .c = c, .e = &s->v[i], .s = s };
		if (d.e->state != STATE_LISTEN || !d.e->n_waiting)
			continue;
		r = aside_enter(c->init, drain_from_within, &d, err);
		if (r == 0)
			r = collect_put(c, "file.tcp.waiting", d.e->o->id, tcp_waiting_fields,
					&d.rec, err);
	}
	if (r == 0)
		silence(s, c->tcp);
	return r;
}

static void option_again(const struct tcp_entry *e, const char *name, int opt)
{
	const struct socket_option *o = e->options.v;
	for (size_t i = 0; i < e->options.n; i++)
		if (strcmp(o[i].name, name) == 0)
			(void)setsockopt(e->o->fd, SOL_SOCKET, opt, o[i].value.data,
					 (socklen_t)o[i].value.size);
}

void tcp_undrain(struct collect *c)
{
	const struct tcp_survey *s;
	if (tcp_survey(c, 0, &s, NULL) < 0)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].other == TCP_OTHER_NONE)
			continue;
		if (s->v[i].other == TCP_OTHER_OUTSIDE && c->tcp == TCP_KEEP)
			IGNORE_RESULT(tcp_repair_set(s->v[i].o->fd, TCP_REPAIR_SILENT));
		option_again(&s->v[i], "SO_REUSEADDR", SO_REUSEADDR);
		option_again(&s->v[i], "SO_LINGER", SO_LINGER);
	}
}
