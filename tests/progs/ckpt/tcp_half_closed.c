/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_half_closed.c - connections that are shut in one direction, left by the other end, or reset.
 */
#include "sock.h"

static int pair(int l, int *ret_client)
{
	*ret_client = sock_tcp_connected(6000);
	return CKPT_SETUP(accept(l, NULL, NULL));
}

int main(void)
{
	int l = sock_tcp_listening(6000, 5), c[3], a[3];
	char byte;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 3; i++)
		a[i] = pair(l, &c[i]);
	CKPT_SETUP(send(c[0], "last", 4, 0));
	CKPT_SETUP(shutdown(c[0], SHUT_WR));
	CKPT_SETUP(send(a[1], "bye", 3, 0));
	close(a[1]);
	CKPT_SETUP(send(c[2], "unread", 6, 0));
	CKPT_SETUP(sock_comes(a[2], POLLIN) ? 0 : -1);
	close(a[2]);
	CKPT_SETUP(sock_comes(c[2], POLLERR) ? 0 : -1);

	ckpt_ready();

	CKPT_CHECK(sock_hear(a[0], "last") && sock_hear(a[0], ""), "the shut direction's words");
	CKPT_CHECK(send(c[0], "x", 1, 0) < 0 && errno == EPIPE, "the shut direction is open");
	CKPT_CHECK(sock_say(a[0], "back") && sock_hear(c[0], "back"), "the other one is shut");
	CKPT_CHECK(sock_hear(c[1], "bye") && sock_hear(c[1], ""), "the words of the one that left");
	CKPT_CHECK(recv(c[2], &byte, 1, 0) < 0 && errno == ECONNRESET, "no reset: %d", errno);
	CKPT_CHECK(recv(c[2], &byte, 1, 0) == 0, "no end after the reset");
	int d, b = pair(l, &d);
	CKPT_CHECK(sock_say(d, "new") && sock_hear(b, "new"), "the server serves no more");
	ckpt_pass();
}
