/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_socket_udp.c - UDP and netlink sockets, and nodes of sockets, go through an image and are
 * what they were.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/un.h>

#include "socket_harness.h"

#define PORT 4711

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	CHECK(inet_pton(AF_INET, ip, &in.sin_addr) == 1);
	return in;
}

static int bound(const char *ip, int port, int reuse)
{
	struct sockaddr_in in = address(ip, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof(reuse)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	return fd;
}

static void send_to(int fd, const char *ip, int port, const char *text)
{
	struct sockaddr_in in = address(ip, port);
	CHECK(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&in, sizeof(in)) ==
	      (ssize_t)strlen(text));
}

/* What, from whom, sent to which address. */
static void expect_from(int fd, const char *text, int port, const char *to)
{
	char buf[256], control[256] __attribute__((aligned(16)));
	struct sockaddr_in from;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr h = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);
	CHECK(n == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0);
	CHECK(!port || ntohs(from.sin_port) == port);
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (!to)
		return;
	CHECK(c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO);
	const struct in_pktinfo *info = (void *)CMSG_DATA(c);
	CHECK(info->ipi_addr.s_addr == address(to, 0).sin_addr.s_addr);
}

static void datagrams(void)
{
	loopback_up();
	int r = bound("0.0.0.0", PORT, 0), s = bound("127.0.0.1", PORT + 1, 0), on = 1;
	int gone = bound("127.0.0.3", PORT + 2, 0);
	CHECK(setsockopt(r, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0);
	send_to(s, "127.0.0.1", PORT, "first");
	send_to(s, "127.0.0.2", PORT, "");
	send_to(gone, "127.0.0.2", PORT, "third");
	close(gone);
	CARRY(s, r);
	expect_from(r, "first", PORT + 1, "127.0.0.1");
	expect_from(r, "", PORT + 1, "127.0.0.2");
	expect_from(r, "third", PORT + 2, "127.0.0.2");
	CHECK(would_block(r));
	send_to(s, "127.0.0.9", PORT, "later");
	expect_from(r, "later", PORT + 1, "127.0.0.9");
}

static void connected(void)
{
	loopback_up();
	int r = bound("127.0.0.1", PORT, 0), s = bound("127.0.0.1", PORT + 1, 0), mtu = 0;
	int fresh = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in in = address("127.0.0.1", PORT), now;
	socklen_t size = sizeof(now);
	CHECK(connect(s, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(setsockopt(s, IPPROTO_IP, IP_TTL, &(int){ 33 }, sizeof(int)) == 0);
	say(s, "to r");
	send_to(r, "127.0.0.1", PORT + 1, "to s");
	CARRY(r, s, fresh);
	expect(r, "to r");
	expect(s, "to s");
	CHECK(getpeername(s, (struct sockaddr *)&now, &size) == 0 && !memcmp(&now, &in, 8));
	say(s, "again");
	expect(r, "again");
	int other = bound("127.0.0.1", PORT + 5, 0);
	send_to(other, "127.0.0.1", PORT + 1, "not from r");
	CHECK(would_block(s));
	size = sizeof(mtu);
	CHECK(getsockopt(s, IPPROTO_IP, IP_TTL, &mtu, &size) == 0 && mtu == 33);
	CHECK(connect(fresh, (struct sockaddr *)&in, sizeof(in)) == 0);
}

/* The kernel spreads datagrams over them by a hash: each must get its own ones back. */
static void shared_port(void)
{
	loopback_up();
	int r[4], s = bound("127.0.0.1", PORT + 1, 0), before[4] = { 0 }, after[4] = { 0 };
	char buf[16];
	for (int i = 0; i < 4; i++)
		r[i] = bound("127.0.0.1", PORT, 1);
	for (int i = 0; i < 12; i++) {
		int t = bound("127.0.0.1", PORT + 10 + i, 0);
		char text[2] = { (char)('a' + i), 0 };
		send_to(t, "127.0.0.1", PORT, text);
		close(t);
	}
	for (int i = 0; i < 4; i++)
		while (recv(r[i], buf, 16, MSG_DONTWAIT | MSG_PEEK) == 1) {
			before[i] += buf[0] * ++after[i];
			recv(r[i], buf, 16, 0);
		}
	for (int i = 0; i < 12; i++) {
		int t = bound("127.0.0.1", PORT + 10 + i, 0);
		char text[2] = { (char)('a' + i), 0 };
		send_to(t, "127.0.0.1", PORT, text);
		close(t);
	}
	memset(after, 0, sizeof(after));
	CARRY(r[2], r[0], r[3], s, r[1]);
	for (int i = 0; i < 4; i++) {
		int sum = 0, n = 0;
		while (recv(r[i], buf, 16, MSG_DONTWAIT) == 1)
			sum += buf[0] * ++n;
		CHECK(sum == before[i]);
	}
}

static void ipv6(void)
{
	loopback_up();
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int r = socket(AF_INET6, SOCK_DGRAM, 0), s = socket(AF_INET6, SOCK_DGRAM, 0);
	int four = bound("127.0.0.1", PORT + 1, 0);
	CHECK(bind(r, (struct sockaddr *)&in6, sizeof(in6)) == 0);
	in6.sin6_addr = in6addr_loopback;
	CHECK(connect(s, (struct sockaddr *)&in6, sizeof(in6)) == 0);
	say(s, "six");
	send_to(four, "127.0.0.1", PORT, "four");
	CARRY(r, s);
	expect(r, "six");
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	char buf[8];
	CHECK(recvfrom(r, buf, 8, MSG_DONTWAIT, (struct sockaddr *)&from, &size) == 4);
	CHECK(IN6_IS_ADDR_V4MAPPED(&from.sin6_addr) && ntohs(from.sin6_port) == PORT + 1);
	say(s, "on");
	expect(r, "on");
}

static void groups(void)
{
	loopback_up();
	int r = bound("0.0.0.0", PORT, 0), plain = bound("0.0.0.0", PORT + 1, 0), off = 0;
	struct ip_mreqn req = { .imr_multiaddr = address("239.1.2.3", 0).sin_addr,
				.imr_ifindex = 1 };
	struct ip_mreq_source only = {
		.imr_multiaddr = address("239.1.2.4", 0).sin_addr,
		.imr_interface = address("127.0.0.1", 0).sin_addr,
		.imr_sourceaddr = address("127.0.0.1", 0).sin_addr,
	};
	struct ipv6_mreq six = { .ipv6mr_interface = 1 };
	int r6 = socket(AF_INET6, SOCK_DGRAM, 0);
	CHECK(inet_pton(AF_INET6, "ff02::1234", &six.ipv6mr_multiaddr) == 1);
	CHECK(setsockopt(r6, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six)) == 0);
	CHECK(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)) == 0);
	CHECK(setsockopt(r, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &only, sizeof(only)) == 0);
	CHECK(setsockopt(r, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off)) == 0);
	CARRY(r, plain, r6);
	CHECK(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)) < 0 &&
	      errno == EADDRINUSE);
	CHECK(setsockopt(plain, IPPROTO_IP, IP_DROP_MEMBERSHIP, &req, sizeof(req)) < 0);
	CHECK(setsockopt(r6, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &six, sizeof(six)) == 0);
	CHECK(setsockopt(r, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &only, sizeof(only)) == 0);
	CHECK(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &req, sizeof(req)) == 0);
}

static void refused(void)
{
	loopback_up();
	int s = bound("127.0.0.1", PORT, 0), t = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_in in = address("127.0.0.1", PORT);
	CHECK(connect(t, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(send(t, "part", 4, MSG_MORE) == 4);
	CHECK(REFUSAL(t));
	CHECK(setsockopt(s, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)) == 0);
	CHECK(REFUSAL(s));
}

static void running_on(void)
{
	loopback_up();
	int r = bound("127.0.0.1", PORT, 0), s = bound("127.0.0.1", PORT + 1, 0), v = 1;
	socklen_t size = sizeof(v);
	send_to(s, "127.0.0.1", PORT, "one");
	send_to(s, "127.0.0.1", PORT, "two");
	for (int i = 0; i < 2; i++)
		CHECK(!refusal(&r, 1, true));
	CHECK(getsockopt(r, IPPROTO_IP, IP_PKTINFO, &v, &size) == 0 && v == 0);
	CHECK(getsockopt(r, SOL_SOCKET, SO_PEEK_OFF, &v, &size) == 0 && v == -1);
	expect_from(r, "one", PORT + 1, NULL);
	expect_from(r, "two", PORT + 1, NULL);
}

static void netlink(void)
{
	loopback_up();
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), on = 1, group = RTNLGRP_IPV4_ROUTE;
	int fresh = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
				  .nl_pid = 4242,
				  .nl_groups = RTMGRP_LINK };
	struct sockaddr_nl now;
	socklen_t size = sizeof(now);
	CHECK(bind(s, (struct sockaddr *)&nl, sizeof(nl)) == 0);
	CHECK(setsockopt(s, 270, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0);
	CHECK(setsockopt(s, 270, NETLINK_EXT_ACK, &on, sizeof(on)) == 0);
	CARRY(s, fresh);
	CHECK(getsockname(s, (struct sockaddr *)&now, &size) == 0);
	CHECK(now.nl_pid == 4242 && now.nl_groups == (RTMGRP_LINK | RTMGRP_IPV4_ROUTE));
	on = 0;
	size = sizeof(on);
	CHECK(getsockopt(s, 270, NETLINK_EXT_ACK, &on, &size) == 0 && on == 1);
	size = sizeof(now);
	CHECK(getsockname(fresh, (struct sockaddr *)&now, &size) == 0 && now.nl_pid == 0);
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} ask = { { sizeof(ask), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { AF_UNSPEC } };
	char buf[16384];
	CHECK(send(s, &ask, sizeof(ask), 0) == sizeof(ask));
	CHECK(REFUSAL(s)); /* its answer waits */
	CHECK(recv(s, buf, sizeof(buf), MSG_DONTWAIT) > 0);
}

static void node(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/tmp/serv" };
	struct stat a, b;
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(l, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(l, 1) == 0);
	int path = open("/tmp/serv", O_PATH | O_NOFOLLOW);
	strcpy(un.sun_path, "/tmp/left");
	int left = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(left, (struct sockaddr *)&un, sizeof(un)) == 0);
	close(left);
	int dead = open("/tmp/left", O_PATH | O_NOFOLLOW);
	strcpy(un.sun_path, "/tmp/gone");
	int g = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(g, (struct sockaddr *)&un, sizeof(un)) == 0);
	int unlinked = open("/tmp/gone", O_PATH | O_NOFOLLOW);
	CHECK(unlink("/tmp/gone") == 0);
	CARRY(path, l, dead, unlinked, g);
	CHECK(fstat(path, &a) == 0 && stat("/tmp/serv", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(fstat(dead, &a) == 0 && stat("/tmp/left", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(fstat(unlinked, &a) == 0 && S_ISSOCK(a.st_mode) && access("/tmp/gone", F_OK) < 0);
	CHECK((fcntl(path, F_GETFL) & O_PATH) == O_PATH);
	close(g);
	CHECK(unlink("/tmp/left") == 0);
	CHECK(REFUSAL(dead)); /* a node without a name that nobody can make again */
}

#define TEST(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		in_child(name);                                                                    \
	}
#define TESTS(X)                                                                                   \
	X(datagrams)                                                                               \
	X(connected)                                                                               \
	X(shared_port)                                                                             \
	X(ipv6)                                                                                    \
	X(groups)                                                                                  \
	X(refused)                                                                                 \
	X(running_on)                                                                              \
	X(netlink)                                                                                 \
	X(node)
TESTS(TEST)

#define ENTRY(name) cmocka_unit_test(test_##name),
int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(ENTRY) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
