/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_groups.h - multicast memberships of a socket. The kernel lists them nowhere; but it tells
 * of each group that somebody in the network namespace has joined, and whether this socket has: so
 * all are asked for. In a step aside (aside.h) on dump.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

struct socket_group {
	uint32_t interface;  /* index */
	struct bytes group;  /* struct sockaddr_in or _in6 */
	bool include;	     /* only from sources; else from all but them */
	struct list sources; /* struct socket_source */
};
struct socket_source {
	struct bytes address;
};
extern const struct field socket_group_fields[];
#define FIELD_GROUPS(record, member)                                                               \
	FIELD(record, member, LIST, .optional = true, .max = 4096, .fields = socket_group_fields,  \
	      .size = sizeof(struct socket_group))

int socket_groups_read(int fd, int domain, struct arena *arena, struct list *ret, struct error *err)
	NODISCARD;
int socket_groups_join(int fd, const struct list *groups, struct error *err) NODISCARD;
