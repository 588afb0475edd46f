/* SPDX-License-Identifier: Apache-2.0 */
/* socket_path.c - the node of a socket held open: it is the one that the socket is bound to. */
#include "sock.h"

int main(void)
{
	struct stat a, b;
	int l = sock_listening(SOCK_STREAM, "/node", 1);
	int path = CKPT_SETUP(open("/node", O_PATH | O_NOFOLLOW));

	ckpt_ready();

	CKPT_CHECK(fstat(path, &a) == 0 && S_ISSOCK(a.st_mode), "it is no node of a socket");
	CKPT_CHECK(stat("/node", &b) == 0 && a.st_ino == b.st_ino, "it is another node");
	CKPT_CHECK(sock_try(SOCK_STREAM, "/node") >= 0 && accept(l, NULL, NULL) >= 0, "listen");
	ckpt_pass();
}
