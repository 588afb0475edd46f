/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - connects to 127.0.0.1 at the given port, says "connected", and upon SIGUSR1 says what
 * it reads then: "data: ...", "end", or "error: ...".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0")),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), sig;
	char buf[64];
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setlinebuf(stdout);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0) {
		printf("cannot connect: %s\n", strerror(errno));
		return 1;
	}
	puts("connected");
	for (;;) {
		sigwait(&set, &sig);
		ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
		if (n > 0)
			printf("data: %.*s\n", (int)n, buf);
		else
			printf(n == 0 ? "end\n" : "error: %s\n", strerror(errno));
		if (n <= 0)
			return 0;
	}
}
