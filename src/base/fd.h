/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.h - file descriptors with owners.
 *
 * An owned descriptor lives in a variable marked CLEANUP_FD and is closed when that goes out of scope;
 * take_fd() moves it away. A descriptor that is none is -EBADF. Everything is opened O_CLOEXEC.
 * Closing keeps errno.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

#define CLEANUP_FD CLEANUP(fd_cleanup)
#define FD_NONE	   (-EBADF)

/* Closes fd if >= 0. Returns FD_NONE, so `fd = fd_close(fd)` is the idiom. */
int fd_close(int fd);
void fd_cleanup(int *fd);

/* Moves the descriptor out of *fd. */
static inline int take_fd(int *fd)
{
	int v = *fd;
	*fd = FD_NONE;
	return v;
}

/* Writes all of buf, through EINTR and short writes. 0 or -errno. */
int fd_write_all(int fd, const void *buf, size_t size) NODISCARD;

/* Reads until size bytes or end of file. Bytes read or -errno. */
ssize_t fd_read_all(int fd, void *buf, size_t size) NODISCARD;

/* Sets or clears O_CLOEXEC / O_NONBLOCK. 0 or -errno. */
int fd_set_cloexec(int fd, int on) NODISCARD;
int fd_set_nonblock(int fd, int on) NODISCARD;

/* Makes 0, 1 and 2 exist (as /dev/null) so that nothing we open can land there. 0 or -errno. */
int fd_sanitize_stdio(void) NODISCARD;
