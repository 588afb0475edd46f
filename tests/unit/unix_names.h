/* SPDX-License-Identifier: Apache-2.0 */
/* unix_names.h - sockets with names, for tests: "/a/path", or "@name" for an abstract one. */
#pragma once

#include <sys/un.h>

#include "socket_harness.h"

static inline socklen_t address(struct sockaddr_un *un, const char *name)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	size_t n = strlen(name);
	memcpy(un->sun_path, name, n);
	if (name[0] == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] != '@'));
}

static inline int bound(int type, const char *name)
{
	struct sockaddr_un un;
	socklen_t size = address(&un, name);
	int fd = socket(AF_UNIX, type, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&un, size) == 0);
	return fd;
}

static inline int listening(int type, const char *name)
{
	int fd = bound(type, name);
	CHECK(listen(fd, 5) == 0);
	return fd;
}

static inline void link_to(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t size = address(&un, name);
	CHECK(connect(fd, (struct sockaddr *)&un, size) == 0);
}

static inline int connected(int type, const char *name)
{
	int fd = socket(AF_UNIX, type, 0);
	link_to(fd, name);
	return fd;
}

static inline void check_name(const char *name, const struct sockaddr_un *un, socklen_t size)
{
	struct sockaddr_un want;
	socklen_t want_size = address(&want, name);
	if (size != want_size || memcmp(un, &want, size) != 0) {
		fprintf(stderr, "name is '%s', not '%s'\n", un->sun_path, name);
		_exit(1);
	}
}

static inline void check_own(int fd, const char *name)
{
	struct sockaddr_un un = { 0 };
	socklen_t size = sizeof(un);
	CHECK(getsockname(fd, (struct sockaddr *)&un, &size) == 0);
	if (name)
		check_name(name, &un, size);
	else
		CHECK(size == sizeof(sa_family_t));
}

static inline void check_peer(int fd, const char *name)
{
	struct sockaddr_un un = { 0 };
	socklen_t size = sizeof(un);
	CHECK(getpeername(fd, (struct sockaddr *)&un, &size) == 0);
	if (name)
		check_name(name, &un, size);
	else
		CHECK(size == sizeof(sa_family_t));
}
