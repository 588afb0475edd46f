/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll_target.h - which open files an epoll descriptor watches. The kernel tells the descriptor number at EPOLL_CTL_ADD,
 * which may since have been closed or be another file's, and the number of the inode, which many open files may share. So candidates
 * are tried until the kernel says that it is the one.
 */
#pragma once

#include <stdint.h>

#include "checkpoint/kind/collect.h"

struct epoll_target {
	int32_t number; /* of the descriptor when it was added */
	uint64_t ino;
	uint64_t file; /* the result: id of the open file, 0: nobody in the container holds it */
};

/* v: all targets of the epoll descriptor, in the order of its fdinfo. All open files of the container are known. */
void epoll_target_find(const struct collect *c, int epoll, struct epoll_target *v, size_t n);

/*
 * What is to be done while the open file fd has the descriptor number `number`; what was there before is put back. epoll is where the
 * epoll descriptor is meanwhile. Returns what fn returns, or -errno. Nobody else may use our descriptors then.
 */
int epoll_target_at(int epoll, int fd, int number,
		    int (*fn)(int epoll, int number, const void *arg), const void *arg);
