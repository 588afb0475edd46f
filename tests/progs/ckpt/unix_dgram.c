/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_dgram.c - datagrams of several senders, one of them closed, wait at one receiver; each knows
 * where it came from.
 */
#include "sock.h"

static bool hear_from(int fd, const char *text, const char *name)
{
	struct sockaddr_un un = { 0 }, want;
	socklen_t size = sizeof(un), want_size = sock_unix(&want, name);
	char buf[64];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&un, &size);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0 &&
	       size == want_size && memcmp(&un, &want, size) == 0;
}

int main(void)
{
	struct sockaddr_un un;
	socklen_t size = sock_unix(&un, "/log");
	int r = sock_bound(SOCK_DGRAM, "/log"), plain = sock_connected(SOCK_DGRAM, "/log");
	int named = sock_bound(SOCK_DGRAM, "@named"), gone = sock_bound(SOCK_DGRAM, "@gone");
	int pair[2];
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	CKPT_SETUP(send(plain, "one", 3, 0));
	CKPT_SETUP(send(plain, "", 0, 0));
	CKPT_SETUP(sendto(named, "three", 5, 0, (struct sockaddr *)&un, size));
	CKPT_SETUP(sendto(gone, "four", 4, 0, (struct sockaddr *)&un, size));
	CKPT_SETUP(send(pair[0], "in a pair", 9, 0));
	close(gone);

	ckpt_ready();

	char c;
	CKPT_CHECK(sock_hear(r, "one"), "the first one is not there");
	CKPT_CHECK(recv(r, &c, 1, MSG_DONTWAIT) == 0, "the empty one is not there");
	CKPT_CHECK(hear_from(r, "three", "@named"), "the third one is another");
	CKPT_CHECK(hear_from(r, "four", "@gone"), "the fourth one is another");
	CKPT_CHECK(sock_is_empty(r), "there are too many");
	CKPT_CHECK(sock_say(plain, "five") && sock_hear(r, "five"), "the sender is not connected");
	CKPT_CHECK(sock_hear(pair[1], "in a pair"), "the pair lost its datagram");
	CKPT_CHECK(sock_say(pair[1], "back") && sock_hear(pair[0], "back"), "the pair is none");
	CKPT_CHECK(sock_is_named(named, "@named"), "its name is another");
	ckpt_pass();
}
