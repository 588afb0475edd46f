/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfd.h - what a descriptor refers to, opened anew through /proc/self/fd: another open file for the same inode,
 * with its own position and flags. Works for files that have no name any more.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/compiler.h"

/* proc: a /proc in which we are "self". Returns a descriptor (O_CLOEXEC) or -errno. */
NODISCARD static inline int procfd_open(int proc, int fd, int flags)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "self/fd/%d", fd);
	/* with O_NOFOLLOW, which F_GETFL tells of a file, the link in /proc would not be followed */
	int r = openat(proc, path, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
	return r < 0 ? -errno : r;
}
