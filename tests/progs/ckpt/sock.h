/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h - what the programs about sockets share: addresses, saying, hearing. */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "ckpt.h"

/* "/a/path", or "@name" for an abstract one. */
static inline socklen_t sock_unix(struct sockaddr_un *un, const char *name)
{
	size_t n = strlen(name);
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, name, n);
	if (name[0] == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] != '@'));
}

static inline int sock_bound(int type, const char *name)
{
	struct sockaddr_un un;
	socklen_t size = sock_unix(&un, name);
	int fd = CKPT_SETUP(socket(AF_UNIX, type, 0));
	CKPT_SETUP(bind(fd, (struct sockaddr *)&un, size));
	return fd;
}

static inline int sock_listening(int type, const char *name, int backlog)
{
	int fd = sock_bound(type, name);
	CKPT_SETUP(listen(fd, backlog));
	return fd;
}

/* -1 when nobody is there. */
static inline int sock_try(int type, const char *name)
{
	struct sockaddr_un un;
	socklen_t size = sock_unix(&un, name);
	int fd = CKPT_SETUP(socket(AF_UNIX, type, 0));
	if (connect(fd, (struct sockaddr *)&un, size) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline int sock_connected(int type, const char *name)
{
	return CKPT_SETUP(sock_try(type, name));
}

static inline bool sock_is_named(int fd, const char *name)
{
	struct sockaddr_un un = { 0 }, want;
	socklen_t size = sizeof(un), want_size = sock_unix(&want, name);
	return getsockname(fd, (struct sockaddr *)&un, &size) == 0 && size == want_size &&
	       memcmp(&un, &want, size) == 0;
}

static inline struct sockaddr_in sock_inet(int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return in;
}

static inline int sock_tcp_listening(int port, int backlog)
{
	struct sockaddr_in in = sock_inet(port);
	int fd = CKPT_SETUP(socket(AF_INET, SOCK_STREAM, 0)), on = 1;
	CKPT_SETUP(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	CKPT_SETUP(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	CKPT_SETUP(listen(fd, backlog));
	return fd;
}

static inline int sock_tcp_connected(int port)
{
	struct sockaddr_in in = sock_inet(port);
	int fd = CKPT_SETUP(socket(AF_INET, SOCK_STREAM, 0));
	CKPT_SETUP(connect(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

static inline bool sock_say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Waits for it, 10 seconds at most. */
static inline bool sock_comes(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, 10000) == 1;
}

/* The next thing to be read is exactly this; "" is the end. */
static inline bool sock_hear(int fd, const char *text)
{
	char buf[512];
	if (!sock_comes(fd, POLLIN))
		return false;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0;
}

static inline bool sock_is_empty(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static inline int sock_option(int fd, int level, int opt)
{
	int v = -1;
	socklen_t size = sizeof(v);
	return getsockopt(fd, level, opt, &v, &size) == 0 ? v : -1;
}
