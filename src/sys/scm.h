/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scm.h - a message with descriptors over a unix socket (unix(7), SCM_RIGHTS).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

#define SCM_MAX_FDS 16

/* Sends data and n_fds descriptors (which stay the caller's) as one message. 0 or -errno. */
int scm_send(int sock, const void *data, size_t size, const int *fds, size_t n_fds) NODISCARD;

/*
 * Receives one message of at most size bytes and up to max_fds descriptors (O_CLOEXEC, the caller's to
 * close); *ret_n_fds tells how many came; those beyond max_fds are closed. flags as in recvmsg(2).
 * Returns the bytes received (0: the peer closed) or -errno.
 */
ssize_t scm_recv(int sock, void *data, size_t size, int *fds, size_t max_fds, size_t *ret_n_fds,
		 int flags) NODISCARD;
