/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_queues.c - more was sent than the reader takes: it lies in both queues, and arrives whole. */
#include "sock.h"

#define MOST (32 << 20)
#define STEP 65536

int main(void)
{
	static uint8_t buf[STEP];
	int l = sock_tcp_listening(6000, 5), c = sock_tcp_connected(6000);
	int a = CKPT_SETUP(accept(l, NULL, NULL));
	size_t sent = 0, got = 0;
	CKPT_SETUP(fcntl(c, F_SETFL, O_NONBLOCK));
	for (;;) {
		for (size_t i = 0; i < STEP; i++)
			buf[i] = ckpt_byte(3, sent + i);
		ssize_t n = send(c, buf, STEP, 0);
		if (n < 0 || sent > MOST)
			break;
		sent += (size_t)n;
	}
	CKPT_SETUP(send(a, "other way", 9, 0));

	ckpt_ready();

	CKPT_CHECK(sock_hear(c, "other way"), "the other direction");
	CKPT_CHECK((fcntl(c, F_GETFL) & O_NONBLOCK) && !(fcntl(a, F_GETFL) & O_NONBLOCK), "flags");
	while (got < sent) {
		CKPT_CHECK(sock_comes(a, POLLIN), "nothing comes after %zu of %zu", got, sent);
		ssize_t n = recv(a, buf, sent - got < STEP ? sent - got : STEP, MSG_DONTWAIT);
		CKPT_CHECK(n > 0, "the end after %zu of %zu", got, sent);
		for (ssize_t i = 0; i < n; i++, got++)
			CKPT_CHECK(buf[i] == ckpt_byte(3, got), "byte %zu is another", got);
	}
	CKPT_CHECK(sock_is_empty(a), "there is more");
	CKPT_CHECK(sock_say(c, "on") && sock_hear(a, "on"), "it does not go on");
	ckpt_pass();
}
