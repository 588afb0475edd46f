/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_listen.c - a server with its node, an accepted client and two that wait; the backlog is as
 * long as it was.
 */
#include "sock.h"

int main(void)
{
	struct stat st;
	umask(0);
	int l = sock_listening(SOCK_STREAM, "/server", 2), c[3], a[3];
	CKPT_SETUP(chmod("/server", 0707));
	for (int i = 0; i < 3; i++)
		c[i] = sock_connected(SOCK_STREAM, "/server");
	a[0] = CKPT_SETUP(accept(l, NULL, NULL));

	ckpt_ready();

	CKPT_CHECK(stat("/server", &st) == 0 && st.st_mode == (S_IFSOCK | 0707), "its node");
	CKPT_CHECK(sock_is_named(l, "/server") && sock_is_named(a[0], "/server"), "names");
	for (int i = 1; i < 3; i++) {
		CKPT_CHECK(sock_comes(l, POLLIN), "client %d does not wait", i);
		a[i] = accept(l, NULL, NULL);
		CKPT_CHECK(a[i] >= 0, "client %d cannot be accepted", i);
	}
	for (int i = 0; i < 3; i++) {
		char text[2] = { (char)('0' + i), 0 };
		CKPT_CHECK(sock_say(c[i], text) && sock_hear(a[i], text), "client %d", i);
		CKPT_CHECK(sock_say(a[i], text) && sock_hear(c[i], text), "server %d", i);
	}
	int more[4] = { 0 };
	for (int i = 0; i < 4; i++) { /* three fit in a backlog of two */
		struct sockaddr_un un;
		socklen_t size = sock_unix(&un, "/server");
		more[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		bool fits = connect(more[i], (struct sockaddr *)&un, size) == 0;
		CKPT_CHECK(fits == (i < 3), "the backlog is another: %d", i);
	}
	ckpt_pass();
}
