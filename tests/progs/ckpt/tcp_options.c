/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_options.c - options of a connection and of a listening socket are what they were, and those
 * not set are not set.
 */
#include <netinet/tcp.h>

#include "sock.h"

static const struct {
	int level, opt, value;
	const char *name;
} options[] = {
	{ IPPROTO_IP, IP_TOS, 0x10, "IP_TOS" },
	{ SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE" },
	{ SOL_SOCKET, SO_OOBINLINE, 1, "SO_OOBINLINE" },
	{ SOL_SOCKET, SO_PRIORITY, 3, "SO_PRIORITY" },
	{ IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY" },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 61, "TCP_KEEPIDLE" },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 62, "TCP_KEEPINTVL" },
	{ IPPROTO_TCP, TCP_KEEPCNT, 7, "TCP_KEEPCNT" },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 12345, "TCP_USER_TIMEOUT" },
	{ IPPROTO_TCP, TCP_LINGER2, 9, "TCP_LINGER2" },
	{ IPPROTO_IP, IP_TTL, 42, "IP_TTL" },
};
#define N (sizeof(options) / sizeof(options[0]))

int main(void)
{
	int l = sock_tcp_listening(6000, 5), c = sock_tcp_connected(6000);
	int a = CKPT_SETUP(accept(l, NULL, NULL)), plain[N], size = 50000;
	struct timeval tv = { 7, 500000 }, got;
	socklen_t len = sizeof(got);
	for (size_t i = 0; i < N; i++) {
		CKPT_SETUP(setsockopt(c, options[i].level, options[i].opt, &options[i].value,
				      sizeof(int)));
		plain[i] = sock_option(a, options[i].level, options[i].opt);
	}
	CKPT_SETUP(setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	CKPT_SETUP(setsockopt(c, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));

	ckpt_ready();

	for (size_t i = 0; i < N; i++) {
		int now = sock_option(c, options[i].level, options[i].opt);
		CKPT_CHECK(now == options[i].value, "%s is %d", options[i].name, now);
		now = sock_option(a, options[i].level, options[i].opt);
		CKPT_CHECK(now == plain[i], "%s of the other end is %d", options[i].name, now);
	}
	CKPT_CHECK(getsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &got, &len) == 0 && got.tv_sec == 7 &&
			   got.tv_usec == 500000,
		   "SO_RCVTIMEO");
	CKPT_CHECK(sock_option(c, SOL_SOCKET, SO_RCVBUF) == 2 * size, "SO_RCVBUF");
	CKPT_CHECK(sock_say(c, "x") && sock_hear(a, "x"), "the connection");
	ckpt_pass();
}
