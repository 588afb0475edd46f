/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp.c - datagrams wait at a bound socket, from one that is closed too; a connected one; options
 * and a group.
 */
#include "sock.h"

static bool hear_from(int fd, const char *text, int port)
{
	struct sockaddr_in in = { 0 };
	socklen_t size = sizeof(in);
	char buf[64];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&in, &size);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0 &&
	       ntohs(in.sin_port) == port && in.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static int bound(int port)
{
	struct sockaddr_in in = sock_inet(port);
	int fd = CKPT_SETUP(socket(AF_INET, SOCK_DGRAM, 0));
	CKPT_SETUP(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

int main(void)
{
	int r = bound(5000), s = bound(5001), gone = bound(5002), ttl = 17;
	struct sockaddr_in in = sock_inet(5000), peer = { 0 };
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(0xef010203), .imr_ifindex = 1 };
	socklen_t size = sizeof(peer);
	CKPT_SETUP(connect(s, (struct sockaddr *)&in, sizeof(in)));
	CKPT_SETUP(setsockopt(s, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	CKPT_SETUP(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	CKPT_SETUP(send(s, "one", 3, 0));
	CKPT_SETUP(sendto(gone, "two", 3, 0, (struct sockaddr *)&in, sizeof(in)));
	close(gone);

	ckpt_ready();

	CKPT_CHECK(hear_from(r, "one", 5001) && hear_from(r, "two", 5002), "datagrams");
	CKPT_CHECK(sock_is_empty(r), "there are more");
	CKPT_CHECK(getpeername(s, (struct sockaddr *)&peer, &size) == 0 &&
			   peer.sin_port == in.sin_port,
		   "it is not connected");
	CKPT_CHECK(sock_say(s, "three") && sock_hear(r, "three"), "the way is gone");
	CKPT_CHECK(sock_option(s, IPPROTO_IP, IP_TTL) == 17, "the option");
	CKPT_CHECK(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)) == 0,
		   "group");
	ckpt_pass();
}
