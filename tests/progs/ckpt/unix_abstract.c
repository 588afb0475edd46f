/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_abstract.c - abstract names, one that the kernel made up among them; and a path that is
 * another's by now.
 */
#include "sock.h"

int main(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX }, before = { 0 }, after = { 0 };
	socklen_t size = sizeof(before), size_after = sizeof(after);
	int l = sock_listening(SOCK_STREAM, "@abstract", 5), a, b;
	int c = sock_connected(SOCK_STREAM, "@abstract");
	a = CKPT_SETUP(accept(l, NULL, NULL));
	int automatic = CKPT_SETUP(socket(AF_UNIX, SOCK_DGRAM, 0));
	CKPT_SETUP(bind(automatic, (struct sockaddr *)&un, sizeof(sa_family_t)));
	CKPT_SETUP(getsockname(automatic, (struct sockaddr *)&before, &size));
	int old = sock_listening(SOCK_STREAM, "/path", 5);
	CKPT_SETUP(unlink("/path"));
	int new = sock_listening(SOCK_STREAM, "/path", 5);

	ckpt_ready();

	CKPT_CHECK(sock_is_named(l, "@abstract") && sock_is_named(a, "@abstract"), "names");
	CKPT_CHECK(sock_say(c, "x") && sock_hear(a, "x"), "the connection");
	CKPT_CHECK(getsockname(automatic, (struct sockaddr *)&after, &size_after) == 0 &&
			   size == size_after && memcmp(&before, &after, size) == 0,
		   "the made up name is another");
	CKPT_CHECK(sock_try(SOCK_STREAM, "@abstract") >= 0 && (b = accept(l, NULL, NULL)) >= 0,
		   "nobody listens");
	CKPT_CHECK(sock_is_named(old, "/path") && sock_is_named(new, "/path"), "paths");
	CKPT_CHECK(sock_try(SOCK_STREAM, "/path") >= 0, "nobody listens at the path");
	CKPT_CHECK(fcntl(old, F_SETFL, O_NONBLOCK) == 0 && accept(old, NULL, NULL) < 0,
		   "the old one got the client");
	CKPT_CHECK(accept(new, NULL, NULL) >= 0, "the new one did not");
	ckpt_pass();
}
