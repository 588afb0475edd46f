/* SPDX-License-Identifier: Apache-2.0 */
/* openat2.h - openat2(2): path resolution that cannot leave a root. Linux 5.6. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Opens path below dirfd; resolve is RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, ... Descriptor or -errno.
 * The kernel answers EAGAIN when a rename raced with a ".." below the root: tried again, then given up.
 */
static inline int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
			      uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
	for (int tries = 0;; tries++) {
		long r = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (r >= 0)
			return (int)r;
		if (errno != EAGAIN || tries == 128)
			return -errno;
	}
}
