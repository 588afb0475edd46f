/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_listen.c - a server that blocks in accept(2) in a thread, with a client that waits at
 * another; IPv6 too.
 */
#include <pthread.h>

#include "sock.h"

static int served;

static void *serve(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);
	__atomic_store_n(&served, fd >= 0 && sock_say(fd, "welcome") ? 1 : -errno,
			 __ATOMIC_SEQ_CST);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	ckpt_init();
	int blocked = sock_tcp_listening(6000, 5), waited = sock_tcp_listening(6001, 5), on = 1;
	int c = sock_tcp_connected(6001);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(6002) };
	int six = socket(AF_INET6, SOCK_STREAM, 0);
	if (six >= 0) {
		CKPT_SETUP(setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)));
		CKPT_SETUP(bind(six, (struct sockaddr *)&in6, sizeof(in6)));
		CKPT_SETUP(listen(six, 7));
	}
	CKPT_SETUP(pthread_create(&thread, NULL, serve, &blocked) ? -1 : 0);

	ckpt_ready();

	CKPT_CHECK(__atomic_load_n(&served, __ATOMIC_SEQ_CST) == 0, "accept ended: %d", served);
	int d = sock_tcp_connected(6000);
	CKPT_CHECK(sock_hear(d, "welcome"), "the blocked server does not answer");
	CKPT_CHECK(sock_comes(waited, POLLIN), "the client does not wait");
	int a = accept(waited, NULL, NULL);
	CKPT_CHECK(sock_say(a, "hello") && sock_hear(c, "hello"), "the client that waited");
	CKPT_CHECK(six < 0 || sock_option(six, IPPROTO_IPV6, IPV6_V6ONLY) == 1, "IPV6_V6ONLY");
	CKPT_CHECK(sock_option(blocked, SOL_SOCKET, SO_REUSEADDR) == 1, "SO_REUSEADDR");
	ckpt_pass();
}
