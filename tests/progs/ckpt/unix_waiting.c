/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_waiting.c - clients that were not accepted have sent something, descriptors too; one of them
 * is closed.
 */
#include "sock.h"

int main(void)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(16))) = { 0 };
	int l = sock_listening(SOCK_STREAM, "@waiting", 5), inner[2], a;
	int one = sock_connected(SOCK_STREAM, "@waiting"),
	    two = sock_connected(SOCK_STREAM, "@waiting");
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_STREAM, 0, inner));
	CKPT_SETUP(send(inner[1], "within", 6, 0));
	struct iovec iov = { (void *)"take", 4 };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &inner[0], sizeof(int));
	CKPT_SETUP(sendmsg(one, &h, 0));
	CKPT_SETUP(send(two, "farewell", 8, 0));
	close(two);
	close(inner[0]);
	close(inner[1]);

	ckpt_ready();

	char buf[32];
	iov = (struct iovec){ buf, sizeof(buf) };
	h.msg_controllen = sizeof(control);
	CKPT_CHECK(sock_comes(l, POLLIN), "nobody waits");
	a = accept(l, NULL, NULL);
	CKPT_CHECK(recvmsg(a, &h, MSG_DONTWAIT) == 4, "the first client has not said it");
	c = CMSG_FIRSTHDR(&h);
	CKPT_CHECK(c && c->cmsg_type == SCM_RIGHTS, "no descriptor came");
	memcpy(&inner[0], CMSG_DATA(c), sizeof(int));
	CKPT_CHECK(sock_hear(inner[0], "within") && sock_hear(inner[0], ""), "what it held");
	CKPT_CHECK(sock_say(a, "hello") && sock_hear(one, "hello"), "no way back");
	a = accept(l, NULL, NULL);
	CKPT_CHECK(sock_hear(a, "farewell") && sock_hear(a, ""), "the closed client's words");
	ckpt_pass();
}
