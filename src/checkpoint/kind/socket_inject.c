/* SPDX-License-Identifier: Apache-2.0 */
/* socket_inject.c - see socket_inject.h. */
#include "checkpoint/kind/socket_inject.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fd.h"

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif
#define HOPS 64

/* Addresses of a packet; IPv4 ones that came in an IPv6 address are plain again. */
struct ends {
	int family;
	uint8_t from[16], to[16];
	uint16_t from_port, to_port; /* network order */
};

static bool is_mapped(const struct in6_addr *a)
{
	return IN6_IS_ADDR_V4MAPPED(a);
}

static int read_end(const struct bytes *b, uint8_t address[16], uint16_t *port)
{
	struct sockaddr_storage ss = { 0 };
	memcpy(&ss, b->data ? b->data : &ss, MIN(b->size, sizeof(ss)));
	const struct sockaddr_in *in = (void *)&ss;
	const struct sockaddr_in6 *in6 = (void *)&ss;
	*port = in->sin_port;
	if (ss.ss_family == AF_INET && b->size >= sizeof(*in)) {
		memcpy(address, &in->sin_addr, 4);
		return AF_INET;
	}
	if (ss.ss_family != AF_INET6 || b->size < 24)
		return -EBADMSG;
	if (is_mapped(&in6->sin6_addr)) {
		memcpy(address, &in6->sin6_addr.s6_addr[12], 4);
		return AF_INET;
	}
	memcpy(address, &in6->sin6_addr, 16);
	return AF_INET6;
}

static int read_ends(const struct bytes *from, const struct bytes *to, struct ends *ret)
{
	int a = read_end(from, ret->from, &ret->from_port);
	int b = read_end(to, ret->to, &ret->to_port);
	ret->family = a;
	return a < 0 || a != b ? -EBADMSG : 0;
}

/* RFC 1071. */
static uint32_t sum_add(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *p = data;
	for (size_t i = 0; i + 1 < size; i += 2) {
		sum += (uint32_t)p[i] << 8 | p[i + 1];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (size & 1)
		sum += (uint32_t)p[size - 1] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

/* Of header and content, with the addresses before them. */
static uint16_t checksum(const struct ends *e, int protocol, const void *packet, size_t size)
{
	size_t n = e->family == AF_INET ? 4 : 16;
	const uint8_t length[4] = { (uint8_t)(size >> 24), (uint8_t)(size >> 16),
				    (uint8_t)(size >> 8), (uint8_t)size };
	const uint8_t kind[2] = { 0, (uint8_t)protocol };
	uint32_t sum = sum_add(0, e->from, n);
	sum = sum_add(sum, e->to, n);
	sum = sum_add(sum, length, sizeof(length));
	sum = sum_add(sum, kind, sizeof(kind));
	sum = sum_add(sum, packet, size);
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t check = (uint16_t)~sum;
	return htons(check ? check : 0xffff);
}

static size_t put_header(const struct ends *e, int protocol, size_t size, char *at)
{
	if (e->family == AF_INET) {
		struct iphdr h = {
			.version = 4,
			.ihl = 5,
			.ttl = HOPS,
			.protocol = (uint8_t)protocol,
			.tot_len = htons((uint16_t)(sizeof(h) + size)),
		};
		memcpy(&h.saddr, e->from, 4);
		memcpy(&h.daddr, e->to, 4);
		memcpy(at, &h, sizeof(h)); /* the kernel fills in the checksum */
		return sizeof(h);
	}
	struct ip6_hdr h = { .ip6_hlim = HOPS,
			     .ip6_nxt = (uint8_t)protocol,
			     .ip6_plen = htons((uint16_t)size) };
	h.ip6_vfc = 6 << 4;
	memcpy(&h.ip6_src, e->from, 16);
	memcpy(&h.ip6_dst, e->to, 16);
	memcpy(at, &h, sizeof(h));
	return sizeof(h);
}

static int send_packet(const struct ends *e, int protocol, const char *content, size_t size,
		       struct error *err)
{
	int on = 1;
	CLEANUP_FD int fd = socket(e->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return error_sys(err, errno, "cannot make a raw socket");
	if (e->family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on)) < 0)
		return error_sys(err, errno, "cannot send a packet with its own header");
	char *packet CLEANUP_STR = xmalloc(sizeof(struct ip6_hdr) + size);
	size_t head = put_header(e, protocol, size, packet);
	memcpy(packet + head, content, size);
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	memcpy(&in.sin_addr, e->to, 4);
	memcpy(&in6.sin6_addr, e->to, 16);
	const struct sockaddr *to = e->family == AF_INET ? (void *)&in : (void *)&in6;
	socklen_t to_size = e->family == AF_INET ? sizeof(in) : sizeof(in6);
	if (sendto(fd, packet, head + size, 0, to, to_size) < 0)
		return error_sys(err, errno, "cannot put a packet back on its way");
	return 0;
}

int socket_inject_udp(const struct bytes *from, const struct bytes *to, const struct bytes *data,
		      struct error *err)
{
	struct ends e = { 0 };
	size_t size = sizeof(struct udphdr) + data->size;
	if (read_ends(from, to, &e) < 0 || size > UINT16_MAX - sizeof(struct iphdr))
		return error_set(err, EBADMSG, "a datagram without proper addresses");
	struct udphdr h = { .uh_sport = e.from_port,
			    .uh_dport = e.to_port,
			    .uh_ulen = htons((uint16_t)size) };
	char *content CLEANUP_STR = xmalloc(size);
	memcpy(content, &h, sizeof(h));
	memcpy(content + sizeof(h), data->data ? data->data : "", data->size);
	h.uh_sum = checksum(&e, IPPROTO_UDP, content, size);
	memcpy(content, &h, sizeof(h));
	return send_packet(&e, IPPROTO_UDP, content, size, err);
}

int socket_inject_fin(const struct bytes *from, const struct bytes *to, uint32_t sequence,
		      uint32_t acknowledged, struct error *err)
{
	struct ends e = { 0 };
	if (read_ends(from, to, &e) < 0)
		return error_set(err, EBADMSG, "a connection without proper addresses");
	struct tcphdr h = {
		.th_sport = e.from_port,
		.th_dport = e.to_port,
		.th_seq = htonl(sequence),
		.th_ack = htonl(acknowledged),
		.th_off = sizeof(h) / 4,
		.th_flags = TH_FIN | TH_ACK,
		.th_win = htons(UINT16_MAX),
	};
	h.th_sum = checksum(&e, IPPROTO_TCP, &h, sizeof(h));
	return send_packet(&e, IPPROTO_TCP, (const char *)&h, sizeof(h), err);
}
