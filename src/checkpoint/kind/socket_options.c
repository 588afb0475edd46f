/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_options.c - see socket_options.h.
 *
 * Left out because they cannot be read back or mean nothing later: SO_ATTACH_REUSEPORT_*,
 * TCP_MD5SIG (the TCP kind refuses it), SO_INCOMING_CPU and TCP_QUICKACK (the kernel's own,
 * changing), IP_MULTICAST_IF by interface number.
 */
#include "checkpoint/kind/socket_options.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <linux/ipv6.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <asm/socket.h>

#include "base/fd.h"
#include "base/parse.h"

/* Newer than the C library's headers; numbers are those of the kernel's (generic) uapi. */
#define O_SO_PEEK_OFF	       42
#define O_SO_TIMESTAMP_NEW     63
#define O_SO_TIMESTAMPNS_NEW   64
#define O_SO_TIMESTAMPING_NEW  65
#define O_SO_BUF_LOCK	       72
#define O_SO_TXREHASH	       74
#define O_SO_RCVMARK	       75
#define O_SO_PASSPIDFD	       76
#define O_SO_RCVPRIORITY       82
#define O_SO_PASSRIGHTS	       83
#define O_IP_RECVERR_RFC4884   26
#define O_IP_LOCAL_PORT_RANGE  51
#define O_IPV6_RECVERR_RFC4884 31
#define O_TCP_TX_DELAY	       37
#define O_SOL_NETLINK	       270

enum option_kind {
	INT,
	LONG,	/* 8 bytes */
	TIME,	/* struct timeval */
	BYTES,	/* whatever length comes; none: not set */
	BUFFER, /* the kernel doubles what is set */
	FILTER, /* struct sock_filter[] */
	LOCK,	/* as INT; always set, since the buffers set it */
	REFUSE, /* as INT or text: not carried unless zero */
};

struct option_row {
	const char *name;
	int level, opt;
	enum option_kind kind;
	enum socket_family family;
	enum socket_phase phase;
	int domain;	 /* 0: any */
	bool loose;	 /* what reads as a value need not be one that can be set */
	bool fresh;	 /* only while not connected */
	const char *why; /* REFUSE */
};

#define ROW(l, n, k, f, p, ...)                                                                    \
	{                                                                                          \
		.name = #n, .level = l, .opt = n, .kind = k, .family = SOCKET_##f,                 \
		.phase = SOCKET_##p, ##__VA_ARGS__                                                 \
	}
#define NEW(l, n, k, f, p, ...)                                                                    \
	{                                                                                          \
		.name = #n, .level = l, .opt = O_##n, .kind = k, .family = SOCKET_##f,             \
		.phase = SOCKET_##p, ##__VA_ARGS__                                                 \
	}
#define V6 .domain = AF_INET6

/* clang-format off */
static const struct option_row table[] = {
	ROW(SOL_SOCKET, SO_REUSEADDR, INT, ANY, EARLY),
	ROW(SOL_SOCKET, SO_REUSEPORT, INT, INET, EARLY),
	ROW(SOL_SOCKET, SO_BINDTODEVICE, BYTES, INET, EARLY),
	ROW(SOL_SOCKET, SO_MARK, INT, ANY, EARLY),
	ROW(SOL_SOCKET, SO_SNDBUF, BUFFER, ANY, LATE),
	ROW(SOL_SOCKET, SO_RCVBUF, BUFFER, ANY, LATE),
	NEW(SOL_SOCKET, SO_BUF_LOCK, LOCK, ANY, LATE),
	ROW(SOL_SOCKET, SO_KEEPALIVE, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_BROADCAST, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_DONTROUTE, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_OOBINLINE, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_LINGER, BYTES, ANY, LATE),
	ROW(SOL_SOCKET, SO_PASSCRED, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_PASSSEC, INT, ANY, LATE),
	NEW(SOL_SOCKET, SO_PASSPIDFD, INT, UNIX, LATE),
	NEW(SOL_SOCKET, SO_PASSRIGHTS, INT, UNIX, LATE),
	ROW(SOL_SOCKET, SO_RCVLOWAT, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_RCVTIMEO, TIME, ANY, LATE),
	ROW(SOL_SOCKET, SO_SNDTIMEO, TIME, ANY, LATE),
	ROW(SOL_SOCKET, SO_TIMESTAMP, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_TIMESTAMPNS, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_TIMESTAMPING, INT, ANY, LATE),
	NEW(SOL_SOCKET, SO_TIMESTAMP_NEW, INT, ANY, LATE),
	NEW(SOL_SOCKET, SO_TIMESTAMPNS_NEW, INT, ANY, LATE),
	NEW(SOL_SOCKET, SO_TIMESTAMPING_NEW, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_RXQ_OVFL, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_WIFI_STATUS, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_NO_CHECK, INT, INET, LATE),
	ROW(SOL_SOCKET, SO_BUSY_POLL, INT, INET, LATE),
	ROW(SOL_SOCKET, SO_SELECT_ERR_QUEUE, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_MAX_PACING_RATE, LONG, INET, LATE),
	ROW(SOL_SOCKET, SO_ZEROCOPY, INT, INET, LATE),
	NEW(SOL_SOCKET, SO_TXREHASH, INT, TCP, LATE),
	NEW(SOL_SOCKET, SO_RCVMARK, INT, ANY, LATE),
	NEW(SOL_SOCKET, SO_RCVPRIORITY, INT, ANY, LATE),
	NEW(SOL_SOCKET, SO_PEEK_OFF, INT, ANY, LATE),
	ROW(SOL_SOCKET, SO_ATTACH_FILTER, FILTER, ANY, LATE),
	ROW(SOL_SOCKET, SO_LOCK_FILTER, INT, ANY, LATE),

	ROW(IPPROTO_IP, IP_FREEBIND, INT, INET, EARLY),
	ROW(IPPROTO_IP, IP_TRANSPARENT, INT, INET, EARLY),
	ROW(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, INT, INET, LATE),
	NEW(IPPROTO_IP, IP_LOCAL_PORT_RANGE, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_TOS, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_TTL, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_MINTTL, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_MTU_DISCOVER, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_OPTIONS, BYTES, INET, LATE, .domain = AF_INET),
	ROW(IPPROTO_IP, IP_RECVERR, INT, INET, LATE),
	NEW(IPPROTO_IP, IP_RECVERR_RFC4884, INT, UDP, LATE),
	ROW(IPPROTO_IP, IP_PKTINFO, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_RECVTTL, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_RECVTOS, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_RECVOPTS, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_RETOPTS, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_RECVORIGDSTADDR, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_PASSSEC, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_CHECKSUM, INT, UDP, LATE),
	ROW(IPPROTO_IP, IP_RECVFRAGSIZE, INT, UDP, LATE),
	ROW(IPPROTO_IP, IP_UNICAST_IF, INT, INET, LATE),
	ROW(IPPROTO_IP, IP_MULTICAST_IF, INT, UDP, LATE, .domain = AF_INET),
	ROW(IPPROTO_IP, IP_MULTICAST_TTL, INT, UDP, LATE),
	ROW(IPPROTO_IP, IP_MULTICAST_LOOP, INT, UDP, LATE),
	ROW(IPPROTO_IP, IP_MULTICAST_ALL, INT, UDP, LATE),

	ROW(IPPROTO_IPV6, IPV6_V6ONLY, INT, INET, EARLY, V6),
	ROW(IPPROTO_IPV6, IPV6_FREEBIND, INT, INET, EARLY, V6),
	ROW(IPPROTO_IPV6, IPV6_TRANSPARENT, INT, INET, EARLY, V6),
	ROW(IPPROTO_IPV6, IPV6_UNICAST_HOPS, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_MINHOPCOUNT, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_MTU_DISCOVER, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVERR, INT, INET, LATE, V6),
	NEW(IPPROTO_IPV6, IPV6_RECVERR_RFC4884, INT, UDP, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_DONTFRAG, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_TCLASS, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVPKTINFO, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVTCLASS, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVRTHDR, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVHOPOPTS, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVDSTOPTS, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVPATHMTU, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_RECVFRAGSIZE, INT, UDP, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_UNICAST_IF, INT, INET, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_IF, INT, UDP, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, INT, UDP, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, INT, UDP, LATE, V6),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_ALL, INT, UDP, LATE, V6),

	ROW(IPPROTO_TCP, TCP_MAXSEG, INT, TCP, EARLY, .fresh = true, .loose = true),
	ROW(IPPROTO_TCP, TCP_WINDOW_CLAMP, INT, TCP, EARLY, .fresh = true, .loose = true),
	ROW(IPPROTO_TCP, TCP_CONGESTION, BYTES, TCP, EARLY),
	ROW(IPPROTO_TCP, TCP_SAVE_SYN, INT, TCP, EARLY, .fresh = true),
	ROW(IPPROTO_TCP, TCP_FASTOPEN, INT, TCP, LATE, .fresh = true),
	ROW(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, INT, TCP, EARLY, .fresh = true),
	ROW(IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, INT, TCP, EARLY, .fresh = true),
	ROW(IPPROTO_TCP, TCP_NODELAY, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_CORK, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_KEEPIDLE, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_KEEPINTVL, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_KEEPCNT, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_SYNCNT, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_LINGER2, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_DEFER_ACCEPT, INT, TCP, LATE, .fresh = true),
	ROW(IPPROTO_TCP, TCP_USER_TIMEOUT, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_INQ, INT, TCP, LATE),
	NEW(IPPROTO_TCP, TCP_TX_DELAY, INT, TCP, LATE),
	ROW(IPPROTO_TCP, TCP_ULP, REFUSE, TCP, LATE,
	    .why = "another protocol runs on it in the kernel (TLS)"),

	ROW(IPPROTO_UDP, UDP_CORK, REFUSE, UDP, LATE, .why = "it is corked (UDP_CORK)"),
	ROW(IPPROTO_UDP, UDP_ENCAP, REFUSE, UDP, LATE, .why = "it carries a tunnel (UDP_ENCAP)"),
	ROW(IPPROTO_UDP, UDP_NO_CHECK6_TX, INT, UDP, LATE),
	ROW(IPPROTO_UDP, UDP_NO_CHECK6_RX, INT, UDP, LATE),
	ROW(IPPROTO_UDP, UDP_SEGMENT, INT, UDP, LATE),
	ROW(IPPROTO_UDP, UDP_GRO, INT, UDP, LATE),

	/* IP_TOS sets it as well */
	ROW(SOL_SOCKET, SO_PRIORITY, INT, ANY, LATE),
};

/* Of <linux/netlink.h>, in the same form. */
#define NETLINK(n, o) { .name = #n, .level = O_SOL_NETLINK, .opt = o, .kind = INT, \
			.family = SOCKET_NETLINK, .phase = SOCKET_LATE }
static const struct option_row netlink_table[] = {
	NETLINK(NETLINK_PKTINFO, 3),
	NETLINK(NETLINK_BROADCAST_ERROR, 4),
	NETLINK(NETLINK_NO_ENOBUFS, 5),
	NETLINK(NETLINK_LISTEN_ALL_NSID, 8),
	NETLINK(NETLINK_CAP_ACK, 10),
	NETLINK(NETLINK_EXT_ACK, 11),
	NETLINK(NETLINK_GET_STRICT_CHK, 12),
};
/* clang-format on */

#define OPTION_SIZE_MAX 256
#define FILTER_MAX	BPF_MAXINSNS

const struct field socket_option_fields[] = {
	FIELD(struct socket_option, name, TEXT, .max = 32),
	FIELD(struct socket_option, value, BYTES, .max = FILTER_MAX * sizeof(struct sock_filter)),
	FIELDS_END,
};

static const struct option_row *row_at(size_t i)
{
	if (i < ARRAY_SIZE(table))
		return &table[i];
	i -= ARRAY_SIZE(table);
	return i < ARRAY_SIZE(netlink_table) ? &netlink_table[i] : NULL;
}

static const struct option_row *row_find(const char *name)
{
	for (size_t i = 0; row_at(i); i++)
		if (str_eq(row_at(i)->name, name))
			return row_at(i);
	return NULL;
}

static size_t row_size(const struct option_row *row)
{
	static const size_t sizes[] = {
		[INT] = sizeof(int),
		[LONG] = sizeof(uint64_t),
		[TIME] = sizeof(struct timeval),
		[BYTES] = OPTION_SIZE_MAX,
		[BUFFER] = sizeof(int),
		[LOCK] = sizeof(int),
		[REFUSE] = OPTION_SIZE_MAX,
	};
	return sizes[row->kind];
}

/* Bytes, or 0 where the option is unknown here or not set. */
static size_t row_read(int fd, const struct option_row *row, void *value)
{
	socklen_t size = (socklen_t)row_size(row);
	if (getsockopt(fd, row->level, row->opt, value, &size) < 0)
		return 0;
	return size;
}

static bool is_zero(const unsigned char *v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (v[i])
			return false;
	return true;
}

static void option_push(struct arena *arena, struct list *ret, const char *name, const void *value,
			size_t size)
{
	struct socket_option *o = arena_grow(arena, &ret->v, &ret->n, sizeof(struct socket_option));
	o->name = arena_strdup(arena, name);
	o->value.data = memcpy(arena_alloc(arena, size + 1), value, size);
	o->value.size = size;
}

/* The length is counted in instructions; that of an eBPF program cannot be had. */
static void filter_read(int fd, struct arena *arena, struct list *ret, const char **ret_why)
{
	struct sock_filter code[FILTER_MAX];
	socklen_t n = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, NULL, &n) < 0 && errno == EACCES) {
		*ret_why = "an eBPF program filters it";
		return;
	}
	if (!n || n > FILTER_MAX || getsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, code, &n) < 0)
		return;
	option_push(arena, ret, "SO_ATTACH_FILTER", code, n * sizeof(code[0]));
}

/*
 * A fresh socket's values, one after the other in the order of the rows; where an option is unknown
 * the size is 0.
 */
struct socket_default {
	enum socket_family family;
	int domain;
	struct bytes *values;
};

static struct bytes *read_defaults(enum socket_family family, int domain, struct arena *arena)
{
	unsigned char value[OPTION_SIZE_MAX];
	size_t n = 0;
	while (row_at(n))
		n++;
	struct bytes *v = arena_alloc(arena, n * sizeof(*v));
	int type = family == SOCKET_UDP	      ? SOCK_DGRAM
		   : family == SOCKET_NETLINK ? SOCK_RAW
					      : SOCK_STREAM;
	CLEANUP_FD int fd = socket(domain, type | SOCK_CLOEXEC, 0);
	for (size_t i = 0; i < n && fd >= 0; i++) {
		const struct option_row *row = row_at(i);
		if (!(row->family & family) || (row->domain && row->domain != domain) ||
		    row->kind == FILTER)
			continue;
		v[i].size = row_read(fd, row, value);
		v[i].data = memcpy(arena_alloc(arena, v[i].size + 1), value, v[i].size);
	}
	return v;
}

static const struct bytes *defaults_of(struct socket_defaults *d, enum socket_family family,
				       int domain, struct arena *arena)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].family == family && d->v[i].domain == domain)
			return d->v[i].values;
	struct socket_default *x = arena_push(arena, d->v, d->n);
	x->family = family;
	x->domain = domain;
	x->values = read_defaults(family, domain, arena);
	return x->values;
}

/* The sizes of buffers are told to the program; whether they tune themselves goes with them. */
static bool is_default(const struct option_row *row, const struct bytes *fresh, const void *value,
		       size_t size)
{
	return row->kind != BUFFER && row->kind != LOCK && fresh->size == size &&
	       memcmp(fresh->data, value, size) == 0;
}

void socket_options_read(int fd, enum socket_family family, int domain, bool connected,
			 struct socket_defaults *defaults, struct arena *arena, struct list *ret,
			 const char **ret_why)
{
	unsigned char value[OPTION_SIZE_MAX];
	const struct bytes *fresh = defaults_of(defaults, family, domain, arena);
	*ret_why = NULL;
	for (size_t i = 0; row_at(i); i++) {
		const struct option_row *row = row_at(i);
		if (!(row->family & family) || (row->domain && row->domain != domain) ||
		    (row->fresh && connected))
			continue;
		if (row->kind == FILTER) {
			filter_read(fd, arena, ret, ret_why);
			continue;
		}
		if (!fresh[i].size) /* this kernel does not know it */
			continue;
		size_t size = row_read(fd, row, value);
		if (row->kind == REFUSE && size && !is_zero(value, size))
			*ret_why = row->why;
		else if (row->kind != REFUSE && size && !is_default(row, &fresh[i], value, size))
			option_push(arena, ret, row->name, value, size);
	}
}

/* ---- setting ---- */

static int buffer_set(int fd, const struct option_row *row, int value)
{
	int half = value / 2;
	int force = row->opt == SO_SNDBUF ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;
	if (setsockopt(fd, SOL_SOCKET, force, &half, sizeof(half)) == 0)
		return 0;
	/* not root of the first user namespace: up to the machine's limit */
	return setsockopt(fd, SOL_SOCKET, row->opt, &half, sizeof(half)) < 0 ? -errno : 0;
}

static int row_set(int fd, const struct option_row *row, const struct bytes *value)
{
	if (row->kind == FILTER) {
		struct sock_fprog prog = {
			.len = (unsigned short)(value->size / sizeof(struct sock_filter)),
			.filter = value->data,
		};
		return setsockopt(fd, row->level, row->opt, &prog, sizeof(prog)) < 0 ? -errno : 0;
	}
	if (row->kind == BUFFER && value->size == sizeof(int))
		return buffer_set(fd, row, *(const int *)value->data);
	if (setsockopt(fd, row->level, row->opt, value->data, (socklen_t)value->size) < 0)
		return -errno;
	return 0;
}

static bool row_differs(int fd, const struct option_row *row, const struct bytes *value)
{
	unsigned char now[OPTION_SIZE_MAX];
	if (row->kind == FILTER || row->kind == LOCK)
		return true;
	size_t size = row_read(fd, row, now);
	return size != value->size || memcmp(now, value->data, size) != 0;
}

int socket_options_set(int fd, enum socket_family family, enum socket_phase phase,
		       const struct list *options, struct error *err)
{
	const struct socket_option *v = options->v;
	for (size_t i = 0; i < options->n; i++) {
		const struct option_row *row = row_find(v[i].name);
		if (!row || !(row->family & family) || row->kind == REFUSE)
			return error_set(err, EBADMSG, "unknown socket option '%.32s'", v[i].name);
		if (row->phase != phase || !row_differs(fd, row, &v[i].value))
			continue;
		int r = row_set(fd, row, &v[i].value);
		if (r < 0 && !row->loose)
			return error_sys(err, -r, "cannot set the socket option %s", row->name);
	}
	return 0;
}

static const int room_options[] = { SO_SNDBUF, SO_RCVBUF };

struct socket_room socket_room_make(int fd, size_t size)
{
	/* the kernel counts its own overhead: small messages cost many times their size */
	int want = size > (64u << 20) ? 512 << 20 : (int)size * 8 + (256 << 10);
	struct socket_room room = { .fd = fd, .lock = -1 };
	socklen_t len = sizeof(int);
	(void)getsockopt(fd, SOL_SOCKET, O_SO_BUF_LOCK, &room.lock, &len);
	for (size_t i = 0; i < ARRAY_SIZE(room_options); i++) {
		struct option_row row = { .level = SOL_SOCKET, .opt = room_options[i] };
		int now = 0;
		if (!row_read(fd, &row, &now) || now >= want)
			continue;
		room.sizes[i] = now;
		(void)buffer_set(fd, &row, want);
	}
	return room;
}

void socket_room_done(struct socket_room *room)
{
	for (size_t i = 0; i < ARRAY_SIZE(room_options) && room->fd >= 0; i++) {
		struct option_row row = { .level = SOL_SOCKET, .opt = room_options[i] };
		if (room->sizes[i])
			(void)buffer_set(room->fd, &row, room->sizes[i]);
	}
	if (room->fd >= 0 && room->lock >= 0)
		(void)setsockopt(room->fd, SOL_SOCKET, O_SO_BUF_LOCK, &room->lock, sizeof(int));
	room->fd = -1;
}
