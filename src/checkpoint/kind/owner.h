/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - permission bits, user and group of an inode that is made anew, in the container's numbers: with a user
 * namespace the engine sees others than the container does.
 */
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "checkpoint/image/record.h"
#include "checkpoint/kind/collect.h"

#define OWNER_UNMAPPED UINT32_MAX /* an id that the container cannot name: left as it is made */

struct owner {
	uint32_t mode; /* without the type */
	uint32_t uid, gid;
};

extern const struct field owner_fields[];

int owner_collect(const struct collect *c, const struct stat *st, struct owner *ret,
		  struct error *err) NODISCARD;

/* fd: not O_PATH. Changes only what differs. */
int owner_apply(int fd, const struct owner *owner, struct error *err) NODISCARD;
