/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_seqpacket.c - boundaries of messages stay where they were, in a pair and over an accepted
 * connection.
 */
#include "sock.h"

int main(void)
{
	int s[2], l = sock_listening(SOCK_SEQPACKET, "@seqpacket", 3);
	int c = sock_connected(SOCK_SEQPACKET, "@seqpacket"), a = CKPT_SETUP(accept(l, NULL, NULL));
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	for (int i = 0; i < 3; i++) {
		CKPT_SETUP(send(s[0], "abc", (size_t)i + 1, 0));
		CKPT_SETUP(send(c, "xyz", (size_t)i + 1, 0));
	}

	ckpt_ready();

	static const char *const first[] = { "a", "ab", "abc" }, *const second[] = { "x", "xy",
										     "xyz" };
	for (int i = 0; i < 3; i++)
		CKPT_CHECK(sock_hear(s[1], first[i]) && sock_hear(a, second[i]), "message %d", i);
	CKPT_CHECK(sock_is_empty(s[1]) && sock_is_empty(a), "there are more");
	CKPT_CHECK(sock_say(a, "answer") && sock_hear(c, "answer"), "no way back");
	CKPT_CHECK(sock_is_named(a, "@seqpacket"), "the accepted one has no name");
	CKPT_CHECK(sock_try(SOCK_SEQPACKET, "@seqpacket") >= 0, "nobody listens");
	ckpt_pass();
}
