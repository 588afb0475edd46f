/* SPDX-License-Identifier: Apache-2.0 */
/* socket_diag.c - see socket_diag.h. */
#include "checkpoint/kind/socket_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"

#define ANSWER_SIZE 65536

typedef void (*diag_each)(void *arg, const void *payload, size_t size);

/* One dump request; every answer's payload goes to each(). */
static int diag_dump(const void *request, size_t size, diag_each each, void *arg, struct error *err)
{
	struct {
		struct nlmsghdr head;
		char body[128];
	} message = {
		.head = {
			.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
	};
	memcpy(message.body, request, size);
	CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return error_sys(err, errno, "no sock_diag(7)");
	if (send(fd, &message, message.head.nlmsg_len, 0) < 0)
		return error_sys(err, errno, "cannot ask sock_diag(7)");
	char *answer CLEANUP_STR = xmalloc(ANSWER_SIZE);
	for (;;) {
		ssize_t n = recv(fd, answer, ANSWER_SIZE, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_sys(err, n < 0 ? errno : EIO, "cannot read sock_diag(7)");
		size_t left = (size_t)n;
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *e = NLMSG_DATA(h);
				return error_sys(err, -e->error, "sock_diag(7)");
			}
			each(arg, NLMSG_DATA(h), NLMSG_PAYLOAD(h, 0));
		}
	}
}

/* ---- AF_UNIX ---- */

struct unix_list {
	struct arena *arena;
	struct unix_seen *v;
	size_t n;
};

static void unix_attribute(struct unix_list *l, struct unix_seen *s, const struct rtattr *a)
{
	size_t size = RTA_PAYLOAD(a);
	const uint32_t *u = RTA_DATA(a);
	switch (a->rta_type) {
	case UNIX_DIAG_NAME:
		s->name = memcpy(arena_alloc(l->arena, size + 1), RTA_DATA(a), size);
		s->name_size = size;
		break;
	case UNIX_DIAG_PEER:
		s->has_peer = true;
		s->peer_ino = u[0];
		break;
	case UNIX_DIAG_ICONS:
		s->waiting = memcpy(arena_alloc(l->arena, size + 1), u, size);
		s->n_waiting = size / sizeof(uint32_t);
		break;
	case UNIX_DIAG_RQLEN:
		s->queued = u[0];
		s->limit = u[1];
		break;
	case UNIX_DIAG_SHUTDOWN:
		s->shutdown = *(const uint8_t *)RTA_DATA(a);
		break;
	default:
		break;
	}
}

static void unix_each(void *arg, const void *payload, size_t size)
{
	struct unix_list *l = arg;
	const struct unix_diag_msg *m = payload;
	if (size < NLMSG_ALIGN(sizeof(*m)))
		return;
	struct unix_seen *s = arena_push(l->arena, l->v, l->n);
	s->ino = m->udiag_ino;
	s->type = m->udiag_type;
	s->listening = m->udiag_state == TCP_LISTEN;
	size_t left = size - NLMSG_ALIGN(sizeof(*m));
	const struct rtattr *a = (const void *)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		unix_attribute(l, s, a);
}

static int compare_unix(const void *a, const void *b)
{
	const struct unix_seen *x = a, *y = b;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

int socket_diag_unix(struct arena *arena, struct unix_seen **ret, size_t *ret_n, struct error *err)
{
	struct unix_list l = { .arena = arena };
	struct unix_diag_req req = {
		.sdiag_family = AF_UNIX,
		.udiag_states = UINT32_MAX,
		.udiag_show =
			UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN,
	};
	int r = diag_dump(&req, sizeof(req), unix_each, &l, err);
	if (r < 0)
		return r;
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_unix);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

/* ---- TCP ---- */

struct inet_list {
	struct arena *arena;
	struct inet_seen *v;
	size_t n;
};

static struct in6_addr mapped(uint32_t v4)
{
	struct in6_addr a = { 0 };
	a.s6_addr[10] = a.s6_addr[11] = 0xff;
	memcpy(&a.s6_addr[12], &v4, 4);
	return a;
}

static struct in6_addr diag_address(int family, const uint32_t *words)
{
	struct in6_addr a;
	if (family == AF_INET)
		return mapped(words[0]);
	memcpy(&a, words, sizeof(a));
	return a;
}

static void inet_each(void *arg, const void *payload, size_t size)
{
	struct inet_list *l = arg;
	const struct inet_diag_msg *m = payload;
	if (size < NLMSG_ALIGN(sizeof(*m)))
		return;
	struct inet_seen *s = arena_push(l->arena, l->v, l->n);
	*s = (struct inet_seen){
		.ino = m->idiag_inode,
		.family = m->idiag_family,
		.state = m->idiag_state,
		.port = ntohs(m->id.idiag_sport),
		.peer_port = ntohs(m->id.idiag_dport),
		.addr = diag_address(m->idiag_family, m->id.idiag_src),
		.peer_addr = diag_address(m->idiag_family, m->id.idiag_dst),
		.queued = m->idiag_rqueue,
		.unsent = m->idiag_wqueue,
	};
	size_t left = size - NLMSG_ALIGN(sizeof(*m));
	const struct rtattr *a = (const void *)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		s->md5 |= a->rta_type == INET_DIAG_MD5SIG && RTA_PAYLOAD(a) > 0;
}

int socket_diag_tcp(struct arena *arena, struct inet_seen **ret, size_t *ret_n, struct error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct inet_list l = { .arena = arena };
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct inet_diag_req_v2 req = {
			.sdiag_family = (uint8_t)families[i],
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = UINT32_MAX,
		};
		struct error why = ERROR_INIT;
		int r = diag_dump(&req, sizeof(req), inet_each, &l, &why);
		if (r < 0 && i == 0) { /* without IPv6 in the kernel there is nothing to list */
			if (err)
				*err = why;
			return r;
		}
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

struct in6_addr socket_diag_address(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return mapped(((const struct sockaddr_in *)ss)->sin_addr.s_addr);
	return ((const struct sockaddr_in6 *)ss)->sin6_addr;
}

uint16_t socket_diag_port(const struct sockaddr_storage *ss)
{
	return ntohs(((const struct sockaddr_in *)ss)->sin_port); /* at the same place in both */
}
