/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inode_note.h - what a dump keeps with an inode: one zeroed struct for each who asks (told apart by the address of
 * his tag), made at the first asking. Object.data of class INODE belongs to this file.
 */
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "checkpoint/kind/collect.h"

/* *ret_id: of the inode's object; may be NULL. Lives in the dump's arena. */
void *inode_note(struct collect *c, const struct stat *st, const void *tag, size_t size,
		 uint64_t *ret_id);
