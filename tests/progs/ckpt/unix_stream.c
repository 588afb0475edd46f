/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_stream.c - two processes talk over a stream socket: what is under way arrives once and in
 * order, sizes stay.
 */
#include <sys/wait.h>

#include "sock.h"

#define BIG (600 << 10)

int main(void)
{
	static uint8_t out[BIG], in[BIG];
	int s[2], size = BIG;
	ckpt_init();
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	CKPT_SETUP(setsockopt(s[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0
			   ? setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size))
			   : 0);
	ckpt_fill(out, BIG, 1);
	ssize_t sent = CKPT_SETUP(send(s[0], out, BIG, MSG_DONTWAIT));
	int before = sock_option(s[0], SOL_SOCKET, SO_SNDBUF);
	pid_t child = CKPT_SETUP(fork());
	if (child == 0) {
		close(s[0]);
		ckpt_wait();
		if (!ckpt_read_all(s[1], in, (size_t)sent) || !ckpt_filled(in, (size_t)sent, 1))
			_exit(1);
		if (!sock_say(s[1], "thanks") || !sock_hear(s[1], "bye") || !sock_hear(s[1], ""))
			_exit(2);
		_exit(0);
	}
	close(s[1]);

	ckpt_ready();

	int status;
	CKPT_CHECK(sock_option(s[0], SOL_SOCKET, SO_SNDBUF) == before, "the buffer's size changed");
	CKPT_CHECK(kill(child, SIGUSR1) == 0, "the child is gone");
	CKPT_CHECK(sock_hear(s[0], "thanks"), "no answer");
	CKPT_CHECK(sock_say(s[0], "bye"), "cannot answer");
	close(s[0]);
	CKPT_CHECK(waitpid(child, &status, 0) == child && status == 0, "the child says %#x",
		   status);
	ckpt_pass();
}
