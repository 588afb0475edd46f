/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_waiting.c - clients that were not accepted have sent something already; one of them is
 * closed.
 */
#include "sock.h"

int main(void)
{
	int l = sock_tcp_listening(6000, 5), one = sock_tcp_connected(6000);
	int two = sock_tcp_connected(6000), a;
	CKPT_SETUP(send(one, "request", 7, 0));
	CKPT_SETUP(send(two, "farewell", 8, 0));
	close(two);

	ckpt_ready();

	CKPT_CHECK(sock_comes(l, POLLIN), "nobody waits");
	a = accept(l, NULL, NULL);
	CKPT_CHECK(sock_hear(a, "request"), "the first client's request");
	CKPT_CHECK(sock_say(a, "answer") && sock_hear(one, "answer"), "the answer");
	CKPT_CHECK(sock_comes(l, POLLIN), "only one waits");
	a = accept(l, NULL, NULL);
	CKPT_CHECK(sock_hear(a, "farewell") && sock_hear(a, ""), "the second client's farewell");
	ckpt_pass();
}
