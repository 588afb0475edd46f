/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ghost.h - an inode that is open but has no name any more: a deleted or replaced file, directory or fifo. The image
 * carries all of it; on restore it is made at the path that it had (or beside it, when another has that
 * name now), opened by all who share it, and unlinked before anybody runs.
 *
 * Type "ghost", id: that of the inode (OBJECT_INODE). There is no limit of size.
 */
#pragma once

#include <stdint.h>

#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/content.h"
#include "checkpoint/kind/holder.h"
#include "checkpoint/kind/owner.h"

/* Notes a ghost (its record and content are put once, however many open files share it). path: the name it had. */
int ghost_collect(struct collect *c, const struct file_facts *f, const char *path, uint64_t *ret_id,
		  struct error *err) NODISCARD;

/* Opens it, making it at the first call. type: S_IF* that it must be of. Returns a descriptor or -errno. */
int ghost_open(struct holder *h, uint64_t id, uint32_t type, int flags, struct error *err)
	NODISCARD;
