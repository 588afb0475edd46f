/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_pair.c - client and server, two processes, talk all the time: no byte is lost or comes twice, names stay. */
#include <sys/wait.h>

#include "sock.h"

#define PORT 6000

/* Echoes lines of 8 bytes, until the end. */
static void serve(int l)
{
	uint64_t n;
	int fd = accept(l, NULL, NULL);
	while (ckpt_read_all(fd, &n, sizeof(n)))
		if (write(fd, &n, sizeof(n)) != sizeof(n))
			_exit(2);
	_exit(0);
}

int main(void)
{
	int l = sock_tcp_listening(PORT, 5), status;
	struct sockaddr_in own[2] = { 0 }, peer[2] = { 0 };
	socklen_t size = sizeof(own[0]);
	ckpt_init();
	pid_t child = CKPT_SETUP(fork());
	if (child == 0)
		serve(l);
	int c = sock_tcp_connected(PORT);
	uint64_t sent = 0, got = 0, n;
	for (; sent < 1000; sent++) {
		CKPT_SETUP(write(c, &sent, sizeof(sent)));
		if (sent == 0) /* it was accepted: else --leave-running is refused */
			CKPT_SETUP(ckpt_read_all(c, &n, sizeof(n)) && n == got++ ? 0 : -1);
	}
	CKPT_SETUP(getsockname(c, (struct sockaddr *)&own[0], &size));
	CKPT_SETUP(getpeername(c, (struct sockaddr *)&peer[0], &size));

	ckpt_ready();

	CKPT_CHECK(getsockname(c, (struct sockaddr *)&own[1], &size) == 0 &&
			   memcmp(&own[0], &own[1], size) == 0,
		   "its own name is another");
	CKPT_CHECK(getpeername(c, (struct sockaddr *)&peer[1], &size) == 0 &&
			   memcmp(&peer[0], &peer[1], size) == 0,
		   "its peer's name is another");
	for (; sent < 5000; sent++) {
		CKPT_CHECK(write(c, &sent, sizeof(sent)) == sizeof(sent), "write: %d", errno);
		CKPT_CHECK(ckpt_read_all(c, &n, sizeof(n)) && n == got, "%d came, not %d", (int)n,
			   (int)got);
		got++;
	}
	for (; got < sent; got++)
		CKPT_CHECK(ckpt_read_all(c, &n, sizeof(n)) && n == got, "%d came", (int)n);
	close(c);
	CKPT_CHECK(waitpid(child, &status, 0) == child && status == 0, "server: %#x", status);
	ckpt_pass();
}
