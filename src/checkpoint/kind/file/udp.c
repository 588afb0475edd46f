/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp.c - udp(7) sockets over IPv4 and IPv6: bound, connected, with the datagrams that wait to be
 * read and their senders' addresses, multicast memberships, options.
 *
 * Datagrams arrive again through a raw socket (socket_inject.h), so their senders need not exist.
 * The address that one was sent to is kept where it is one of ours; what came by multicast or
 * broadcast comes again as if sent to us alone. Not carried: what is being put together (UDP_CORK,
 * MSG_MORE). Not kept: time stamps, TTL and TOS of datagrams, which of the errors of earlier
 * packets wait to be told.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"
#include "checkpoint/kind/aside.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/socket_diag.h"
#include "checkpoint/kind/socket_groups.h"
#include "checkpoint/kind/socket_inject.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/socket_queue.h"
#include "checkpoint/kind/tcp_record.h"
#include "proc/process.h"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif
#define ADDRESS_MAX sizeof(struct sockaddr_in6)
#define ARRIVE_MS   2000

struct udp_record {
	uint32_t domain;
	struct bytes name, peer_name; /* struct sockaddr; empty: not bound, not connected */
	uint32_t shutdown;	      /* 1: receiving, 2: sending */
	struct list queue;
	struct list groups;
	struct list options;
};

static const struct field udp_fields[] = {
	FIELD(struct udp_record, domain, U32),
	FIELD(struct udp_record, name, BYTES, .optional = true, .max = ADDRESS_MAX),
	FIELD(struct udp_record, peer_name, BYTES, .optional = true, .max = ADDRESS_MAX),
	FIELD(struct udp_record, shutdown, U32, .optional = true),
	FIELD_QUEUE(struct udp_record, queue),
	FIELD_GROUPS(struct udp_record, groups),
	FIELD_OPTIONS(struct udp_record, options),
	FIELDS_END,
};

/* ---- dump ---- */

struct look {
	struct collect *c;
	const struct file_facts *f;
	struct udp_record *rec;
	const char *not_carried;
};

static struct bytes read_name(int fd, int (*get)(int, struct sockaddr *, socklen_t *),
			      struct arena *arena)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t size = sizeof(ss);
	struct bytes b = { 0 };
	if (get(fd, (struct sockaddr *)&ss, &size) < 0 || !socket_diag_port(&ss))
		return b;
	b.size = size;
	b.data = memcpy(arena_alloc(arena, size), &ss, size);
	return b;
}

static int own_name(int fd, struct sockaddr *sa, socklen_t *size)
{
	return getsockname(fd, sa, size);
}

static int other_name(int fd, struct sockaddr *sa, socklen_t *size)
{
	return getpeername(fd, sa, size);
}

/*
 * The kernel tells with each datagram where it was sent to, when it is asked to: for the time of
 * looking.
 */
static int peek_with_destinations(struct look *l, struct error *err)
{
	bool v6 = l->rec->domain == AF_INET6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, opt = v6 ? IPV6_RECVPKTINFO : IP_PKTINFO;
	int before = 0, on = 1;
	socklen_t size = sizeof(before);
	(void)getsockopt(l->f->fd, level, opt, &before, &size);
	(void)setsockopt(l->f->fd, level, opt, &on, sizeof(on));
	int r = socket_queue_peek(l->f->fd, false, l->c->arena, &l->rec->queue, err);
	(void)setsockopt(l->f->fd, level, opt, &before, sizeof(before));
	struct socket_message *m = l->rec->queue.v;
	for (size_t i = 0; i < l->rec->queue.n; i++)
		if (m[i].to.size && l->rec->name.size) /* the port is at the same place in both */
			((struct sockaddr_in *)m[i].to.data)->sin_port =
				((const struct sockaddr_in *)l->rec->name.data)->sin_port;
	return r;
}

/* What left is gone from the queue at once; what is being put together stays. */
static bool is_sending(int fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int unsent = 0;
	for (int i = 0; i < 20; i++) {
		if (ioctl(fd, SIOCOUTQ, &unsent) < 0 || !unsent)
			return false;
		(void)nanosleep(&ms, NULL);
	}
	return true;
}

static int look_from_within(void *arg, struct error *err)
{
	struct look *l = arg;
	struct udp_record *rec = l->rec;
	struct pollfd p = { .fd = l->f->fd, .events = POLLRDHUP };
	(void)poll(&p, 1, 0);
	rec->shutdown = p.revents & POLLHUP ? 3 : p.revents & POLLRDHUP ? 1 : 0;
	rec->name = read_name(l->f->fd, own_name, l->c->arena);
	rec->peer_name = read_name(l->f->fd, other_name, l->c->arena);
	socket_options_read(
		l->f->fd, SOCKET_UDP, (int)rec->domain, false,
		collect_own_sized(l->c, "socket options", sizeof(struct socket_defaults)),
		l->c->arena, &rec->options, &l->not_carried);
	if (is_sending(l->f->fd))
		l->not_carried = "a datagram is being put together or sent";
	if (l->c->leave_running && socket_queue_disturbs(l->f->fd))
		l->not_carried =
			"it has both datagrams and an error to tell: looking at them would "
			"lose the error";
	if (l->not_carried)
		return 0;
	int r = socket_groups_read(l->f->fd, (int)rec->domain, l->c->arena, &rec->groups, err);
	return r < 0 ? r : peek_with_destinations(l, err);
}

static bool is_elsewhere(struct collect *c, int fd)
{
	struct stat st;
	CLEANUP_FD int ns = ioctl(fd, SIOCGSKNS);
	return ns >= 0 && fstat(ns, &st) == 0 && st.st_ino != proc_ns_inode(c->init, "net");
}

static int udp_collect(struct collect *c, const struct file_facts *f, void *record,
		       struct error *err)
{
	struct look l = { .c = c, .f = f, .rec = record };
	int domain = 0;
	socklen_t size = sizeof(domain);
	if (getsockopt(f->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
		return error_sys(err, errno, "cannot look at a socket");
	l.rec->domain = (uint32_t)domain;
	if (is_elsewhere(c, f->fd))
		return file_refuse(c, f, "it belongs to another network namespace",
				   "close it, or hand it in as an external one");
	int r = aside_enter(c->init, look_from_within, &l, err);
	if (r == 0 && l.not_carried)
		return file_refuse(c, f, l.not_carried, "close it first, or try again");
	return r;
}

/* ---- restore ---- */

static bool is_address(const struct bytes *b, uint32_t domain)
{
	size_t size = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	sa_family_t family = 0;
	if (b->size == size)
		memcpy(&family, b->data, sizeof(family));
	return !b->size || (b->size == size && family == domain);
}

/*
 * Whether a datagram to this address comes to us and to nobody else: else it would leave the
 * machine.
 */
static bool is_own(const struct bytes *address)
{
	struct sockaddr_storage ss = { 0 };
	memcpy(&ss, address->data ? address->data : &ss, MIN(address->size, sizeof(ss)));
	struct in6_addr a = socket_diag_address(&ss);
	bool many = a.s6_addr[0] == 0xff || (IN6_IS_ADDR_V4MAPPED(&a) && a.s6_addr[12] >= 224);
	((struct sockaddr_in *)&ss)->sin_port = 0;
	CLEANUP_FD int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return address->size && !many && fd >= 0 && !IN6_IS_ADDR_UNSPECIFIED(&a) &&
	       !(IN6_IS_ADDR_V4MAPPED(&a) && !memcmp(&a.s6_addr[12], "\0\0\0", 4)) &&
	       bind(fd, (struct sockaddr *)&ss, (socklen_t)address->size) == 0;
}

/*
 * The address to send a waiting datagram to: where it went, or what we are bound to, or the
 * loopback's.
 */
static const struct bytes *destination(const struct udp_record *rec, const struct socket_message *m,
				       struct sockaddr_storage *ss, struct bytes *room)
{
	if (is_own(&m->to))
		return &m->to;
	if (is_own(&rec->name))
		return &rec->name;
	const struct in6_addr from =
		socket_diag_address((const struct sockaddr_storage *)m->from.data);
	*ss = (struct sockaddr_storage){ .ss_family = (sa_family_t)rec->domain };
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;
	in->sin_port = ((const struct sockaddr_in *)rec->name.data)->sin_port;
	if (rec->domain == AF_INET) {
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		in6->sin6_addr = in6addr_loopback;
		if (IN6_IS_ADDR_V4MAPPED(&from))
			in6->sin6_addr = (struct in6_addr){
				.s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 }
			};
	}
	*room = (struct bytes){ ss, rec->name.size };
	return room;
}

static bool is_shared(int fd)
{
	int address = 0, port = 0;
	socklen_t size = sizeof(int);
	(void)getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &address, &size);
	(void)getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &port, &size);
	return address || port;
}

/*
 * Connected for the moment, so that of several sockets with one address the kernel takes this one.
 */
static int deliver(int fd, const struct udp_record *rec, const struct socket_message *m,
		   bool shared, struct error *err)
{
	struct sockaddr_storage ss;
	struct bytes room;
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	const struct bytes *to = destination(rec, m, &ss, &room);
	if (shared)
		shared = connect(fd, m->from.data, (socklen_t)m->from.size) == 0;
	int r = socket_inject_udp(&m->from, to, &m->data, err);
	if (shared)
		(void)connect(fd, &nobody, sizeof(nobody));
	return r;
}

static int queue_fill(int fd, const struct udp_record *rec, struct error *err)
{
	const struct socket_message *m = rec->queue.v;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool shared = is_shared(fd);
	int r = 0;
	if (!rec->queue.n)
		return 0;
	if (!rec->name.size)
		return error_set(err, EBADMSG, "datagrams wait at a socket that is not bound");
	struct socket_room room CLEANUP_SOCKET_ROOM =
		socket_room_make(fd, socket_queue_bytes(&rec->queue) + rec->queue.n * 2048);
	for (size_t i = 0; i < rec->queue.n && r == 0; i++) {
		if (!is_address(&m[i].from, rec->domain) || !m[i].from.size)
			return error_set(err, EBADMSG, "a datagram without a sender");
		r = deliver(fd, rec, &m[i], shared, err);
	}
	if (r == 0 && poll(&p, 1, ARRIVE_MS) != 1)
		r = error_set(err, EIO, "datagrams put back on their way did not arrive");
	return r;
}

static int udp_open(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	const struct udp_record *rec = record;
	(void)h, (void)id, (void)flags;
	if ((rec->domain != AF_INET && rec->domain != AF_INET6) ||
	    !is_address(&rec->name, rec->domain) || !is_address(&rec->peer_name, rec->domain))
		return error_set(err, EBADMSG, "no such UDP socket can be");
	CLEANUP_FD int fd = socket((int)rec->domain, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return error_sys(err, errno, "cannot make a socket");
	int r = socket_options_set(fd, SOCKET_UDP, SOCKET_EARLY, &rec->options, err);
	if (r == 0 && rec->name.size && bind(fd, rec->name.data, (socklen_t)rec->name.size) < 0) {
		struct buf text CLEANUP_BUF = BUF_INIT;
		int e = errno;
		socket_address_print(&rec->name, &text);
		r = error_sys(err, e, "cannot take the address %s", buf_str(&text));
	}
	if (r == 0)
		r = socket_groups_join(fd, &rec->groups, err);
	return r < 0 ? r : take_fd(&fd);
}

static int udp_finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	static const int how[] = { -1, SHUT_RD, SHUT_WR, SHUT_RDWR };
	const struct udp_record *rec = record;
	(void)h, (void)id;
	int r = queue_fill(fd, rec, err);
	if (r < 0)
		return r;
	if (rec->peer_name.size &&
	    connect(fd, rec->peer_name.data, (socklen_t)rec->peer_name.size) < 0)
		return error_sys(err, errno, "cannot connect a UDP socket again");
	if (rec->shutdown & 3 && shutdown(fd, how[rec->shutdown & 3]) < 0)
		return error_sys(err, errno, "cannot shut a UDP socket down again");
	return socket_options_set(fd, SOCKET_UDP, SOCKET_LATE, &rec->options, err);
}

static void udp_describe(const void *record, struct buf *out)
{
	const struct udp_record *rec = record;
	socket_address_print(&rec->name, out);
	if (rec->peer_name.size) {
		buf_puts(out, " connected to ");
		socket_address_print(&rec->peer_name, out);
	}
	if (rec->queue.n)
		buf_printf(out, ", %zu datagrams to be read", rec->queue.n);
}

const struct file_kind file_kind_udp = {
	.name = "udp",
	.matches = (const struct file_match[]){ { FILE_SOCKET, "udp" }, { FILE_CLASS_NONE, NULL } },
	.fields = udp_fields,
	.size = sizeof(struct udp_record),
	.collect = udp_collect,
	.open = udp_open,
	.finish = udp_finish,
	.describe = udp_describe,
};
