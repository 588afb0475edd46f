/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes.h - which extended attributes of an archive a file may get. overlayfs' own (trusted.overlay.*,
 * user.overlay.*) never: they would let a layer show files that are not its own. Labels of the machine
 * where the archive was made (security.selinux, ...) neither.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct archive_entry;

/* Sets them on an open file. What the file system or the missing privilege does not allow is left out and
 * counted. 0, -ENOSPC, -EIO, ... */
int attributes_apply(int fd, struct archive_entry *e, bool rootless, uint64_t *left_out) NODISCARD;
