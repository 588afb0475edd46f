/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_half_closed.c - directions that are shut stay so; what was sent before can still be read;
 * closed ends are closed.
 */
#include "sock.h"

int main(void)
{
	int s[2], t[2], u[2];
	signal(SIGPIPE, SIG_IGN);
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_STREAM, 0, u));
	CKPT_SETUP(send(s[0], "last", 4, 0));
	CKPT_SETUP(shutdown(s[0], SHUT_WR));
	CKPT_SETUP(send(t[0], "bye", 3, 0));
	close(t[0]);
	CKPT_SETUP(send(u[1], "unread", 6, 0));
	close(u[0]);

	ckpt_ready();

	char c;
	CKPT_CHECK(sock_hear(s[1], "last") && sock_hear(s[1], ""), "the shut direction's words");
	CKPT_CHECK(send(s[0], "x", 1, 0) < 0 && errno == EPIPE, "the shut direction is open");
	CKPT_CHECK(sock_say(s[1], "back") && sock_hear(s[0], "back"),
		   "the other direction is shut");
	CKPT_CHECK(sock_hear(t[1], "bye") && sock_hear(t[1], ""), "the closed end's words");
	CKPT_CHECK(send(t[1], "x", 1, 0) < 0 && errno == EPIPE, "the closed end takes something");
	CKPT_CHECK(recv(u[1], &c, 1, 0) < 0 && errno == ECONNRESET, "no reset");
	CKPT_CHECK(recv(u[1], &c, 1, 0) == 0, "no end after the reset");
	ckpt_pass();
}
