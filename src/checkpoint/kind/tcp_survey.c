/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_survey.c - see tcp_survey.h. */
#include "checkpoint/kind/tcp_survey.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "checkpoint/kind/aside.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/tcp_repair.h"
#include "proc/process.h"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

static bool same_address(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_connected(const struct tcp_entry *e)
{
	return e->state != STATE_CLOSE && e->state != STATE_LISTEN && e->state != STATE_SYN_SENT &&
	       e->state != STATE_SYN_RECV;
}

/* ---- one socket ---- */

static struct bytes keep_address(struct arena *arena, const struct sockaddr_storage *ss,
				 socklen_t size)
{
	struct bytes b = { .data = arena_alloc(arena, size), .size = size };
	memcpy(b.data, ss, size);
	return b;
}

static void read_names(struct tcp_entry *e, struct arena *arena)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t size = sizeof(ss);
	if (getsockname(e->o->fd, (struct sockaddr *)&ss, &size) == 0) {
		e->name = keep_address(arena, &ss, size);
		e->addr = socket_diag_address(&ss);
		e->port = socket_diag_port(&ss);
	}
	size = sizeof(ss);
	if (getpeername(e->o->fd, (struct sockaddr *)&ss, &size) == 0) {
		e->peer_name = keep_address(arena, &ss, size);
		e->peer_addr = socket_diag_address(&ss);
		e->peer_port = socket_diag_port(&ss);
	}
}

static uint64_t netns_of(int fd)
{
	struct stat st;
	CLEANUP_FD int ns = ioctl(fd, SIOCGSKNS);
	return ns >= 0 && fstat(ns, &st) == 0 ? st.st_ino : 0;
}

static void look_at_one(struct collect *c, struct tcp_entry *e)
{
	struct tcp_info info = { 0 };
	struct pollfd p = { .fd = e->o->fd, .events = POLLIN | POLLPRI | POLLRDHUP };
	socklen_t size = sizeof(info);
	(void)getsockopt(e->o->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	e->state = info.tcpi_state;
	if (e->state == STATE_LISTEN) {
		e->n_waiting = info.tcpi_unacked;
		e->backlog = info.tcpi_sacked;
	}
	e->netns = netns_of(e->o->fd);
	e->events = poll(&p, 1, 0) > 0 ? p.revents : 0;
	read_names(e, c->arena);
	socket_options_read(e->o->fd, SOCKET_TCP, e->domain,
			    e->state != STATE_LISTEN &&
				    (e->state != STATE_CLOSE || e->events & POLLRDHUP),
			    collect_own_sized(c, "socket options", sizeof(struct socket_defaults)),
			    c->arena, &e->options, &e->not_carried);
	if (e->events & POLLPRI)
		e->not_carried = "urgent data waits to be read";
}

/* ---- who is who ---- */

bool tcp_entry_hears(const struct tcp_entry *l, const struct in6_addr *addr, uint16_t port)
{
	static const struct in6_addr any4 = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	return l->state == STATE_LISTEN && l->port == port &&
	       (same_address(&l->addr, addr) || same_address(&l->addr, &any4) ||
		same_address(&l->addr, &in6addr_any));
}

const struct tcp_entry *tcp_survey_connection(const struct tcp_survey *s, const struct in6_addr *a,
					      uint16_t a_port, const struct in6_addr *b,
					      uint16_t b_port)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct tcp_entry *e = &s->v[i];
		if (e->port == a_port && e->peer_port == b_port && is_connected(e) &&
		    same_address(&e->addr, a) && same_address(&e->peer_addr, b))
			return e;
	}
	return NULL;
}

static const struct inet_seen *other_seen(const struct tcp_survey *s, const struct tcp_entry *e)
{
	for (size_t i = 0; i < s->n_seen; i++) {
		const struct inet_seen *x = &s->seen[i];
		if (x->port == e->peer_port && x->peer_port == e->port &&
		    same_address(&x->addr, &e->peer_addr) && same_address(&x->peer_addr, &e->addr))
			return x;
	}
	return NULL;
}

/* What getpeername(2) does not tell while the first packet is not answered. */
static void name_peer(struct tcp_entry *e, const struct inet_seen *x, struct arena *arena)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)e->domain };
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;
	in->sin_port = htons(x->peer_port);
	if (e->domain == AF_INET)
		memcpy(&in->sin_addr, &x->peer_addr.s6_addr[12], sizeof(in->sin_addr));
	else
		in6->sin6_addr = x->peer_addr;
	e->peer_name = keep_address(arena, &ss, e->domain == AF_INET ? sizeof(*in) : sizeof(*in6));
}

static void find_own(const struct tcp_survey *s, struct tcp_entry *e, struct arena *arena)
{
	for (size_t i = 0; i < s->n_seen; i++) {
		const struct inet_seen *x = &s->seen[i];
		if (x->ino != e->ino)
			continue;
		if (x->md5)
			e->not_carried = "it has keys (TCP_MD5SIG)";
		if (e->state == STATE_SYN_SENT)
			name_peer(e, x, arena);
	}
}

static bool is_embryo(const struct inet_seen *x)
{
	return !x->ino && (x->state == STATE_ESTABLISHED || x->state == STATE_CLOSE_WAIT ||
			   x->state == STATE_SYN_RECV || x->state == STATE_NEW_SYN_RECV);
}

/* Whether an address is one of this network namespace: it can be bound to. */
static bool is_local(const struct tcp_entry *e)
{
	struct sockaddr_storage ss = { 0 };
	memcpy(&ss, e->peer_name.data, MIN(e->peer_name.size, sizeof(ss)));
	((struct sockaddr_in *)&ss)->sin_port = 0;
	CLEANUP_FD int fd = socket(e->domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, (struct sockaddr *)&ss, (socklen_t)e->peer_name.size) == 0;
}

static void find_other(const struct tcp_survey *s, struct tcp_entry *e)
{
	const struct tcp_entry *peer =
		tcp_survey_connection(s, &e->peer_addr, e->peer_port, &e->addr, e->port);
	const struct inet_seen *seen = other_seen(s, e);
	if (!is_connected(e))
		return;
	if (peer) {
		e->other = TCP_OTHER_OURS;
		e->peer = (size_t)(peer - s->v);
		return;
	}
	if (seen && seen->ino) {
		e->other = TCP_OTHER_OUTSIDE; /* the network is shared with others */
		return;
	}
	for (size_t i = 0; i < s->n && seen && is_embryo(seen); i++)
		if (tcp_entry_hears(&s->v[i], &e->peer_addr, e->peer_port)) {
			e->other = TCP_OTHER_WAITING;
			e->peer = i;
			return;
		}
	e->other = seen || is_local(e) ? TCP_OTHER_CLOSED : TCP_OTHER_OUTSIDE;
	e->left_unsent = seen && !is_embryo(seen) ? seen->unsent : 0;
}

/* ---- all ---- */

struct survey_memory {
	struct tcp_survey s;
	size_t at; /* objects seen */
};

struct look {
	struct collect *c;
	struct tcp_survey *s;
	size_t from;
};

typedef int (*half_read)(int fd, struct arena *arena, struct tcp_flow *ret);

static int read_half(struct look *l, half_read read, struct error *err)
{
	for (size_t i = l->from; i < l->s->n; i++) {
		struct tcp_entry *e = &l->s->v[i];
		bool carried = e->other == TCP_OTHER_OURS || e->other == TCP_OTHER_WAITING ||
			       e->other == TCP_OTHER_CLOSED ||
			       (e->other == TCP_OTHER_OUTSIDE && l->c->tcp == TCP_KEEP);
		if (!carried || e->not_carried)
			continue;
		int r = read(e->o->fd, l->c->arena, &e->flow);
		if (r < 0)
			return error_sys(err, -r, "cannot read a TCP connection");
	}
	return 0;
}

static int read_rest(struct look *l, struct error *err)
{
	for (size_t i = l->from; i < l->s->n; i++) {
		struct tcp_entry *e = &l->s->v[i];
		bool dead = e->state == STATE_CLOSE && e->events & POLLRDHUP;
		if (!dead && (e->other != TCP_OTHER_OUTSIDE || l->c->tcp != TCP_CLOSE))
			continue;
		int r = tcp_peek_received(e->o->fd, l->c->arena, &e->flow.received);
		if (r < 0)
			return error_sys(err, -r, "cannot read a TCP connection");
	}
	return 0;
}

static int look_from_within(void *arg, struct error *err)
{
	struct look *l = arg;
	for (size_t i = l->from; i < l->s->n; i++)
		look_at_one(l->c, &l->s->v[i]);
	int r = socket_diag_tcp(l->c->arena, &l->s->seen, &l->s->n_seen, err);
	for (size_t i = 0; i < l->s->n && r == 0; i++) {
		find_own(l->s, &l->s->v[i], l->c->arena);
		find_other(l->s, &l->s->v[i]);
	}
	/* all that is being sent before all that was received: see tcp_repair.h */
	if (r == 0)
		r = read_half(l, tcp_repair_read_sending, err);
	if (r == 0)
		r = read_half(l, tcp_repair_read_receiving, err);
	return r < 0 ? r : read_rest(l, err);
}

static bool is_tcp(int fd, int *ret_domain)
{
	int type = 0, protocol = 0;
	socklen_t size = sizeof(int);
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, ret_domain, &size) == 0 &&
	       (*ret_domain == AF_INET || *ret_domain == AF_INET6) &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == IPPROTO_TCP;
}

static void add_new(struct collect *c, struct survey_memory *m)
{
	for (const struct object *o; (o = objects_at(c->objects, OBJECT_FILE, m->at)); m->at++) {
		int domain = 0;
		if (!is_tcp(o->fd, &domain) || collect_external(c, o->dev, o->ino))
			continue;
		struct tcp_entry *e = arena_push(c->arena, m->s.v, m->s.n);
		e->o = o;
		e->ino = o->ino;
		e->domain = domain;
	}
}

const struct tcp_entry *tcp_survey_find(const struct tcp_survey *s, uint64_t ino)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].ino == ino)
			return &s->v[i];
	return NULL;
}

int tcp_survey(struct collect *c, uint64_t ino, const struct tcp_survey **ret, struct error *err)
{
	void **memory = collect_own(c, "tcp");
	if (!*memory)
		*memory = arena_alloc(c->arena, sizeof(struct survey_memory));
	struct survey_memory *m = *memory;
	*ret = &m->s;
	if (m->s.n && (!ino || tcp_survey_find(&m->s, ino)))
		return 0;
	struct look l = { .c = c, .s = &m->s, .from = m->s.n };
	m->s.netns = proc_ns_inode(c->init, "net");
	add_new(c, m);
	return m->s.n == l.from ? 0 : aside_enter(c->init, look_from_within, &l, err);
}
