/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - a network namespace that is made while the engine does something else.
 *
 * Of all that a container is made of, it takes the kernel longest (a third of a millisecond, of one that takes
 * three). So a helper makes it, on another processor if there is one: a process that shares memory and
 * descriptors with the caller and runs nothing but a few system calls. It knows nothing of the container; who
 * wants no network namespace in the end, or one that belongs to a new user namespace, throws it away.
 *
 *   netns_begin()     starts the helper; signals are none of its business
 *   netns_take()      waits for the namespace: its descriptor, which stays netns_done()'s, or -errno. A failure is
 *                     no matter: who gets none makes it as he makes the others, and is told then what is wrong
 *   netns_finish()    waits for the helper, which brings the loopback up meanwhile
 *   netns_done()      always; waits too
 */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "base/error.h"

struct netns {
	pid_t helper;  /* 0: none, or waited for */
	atomic_int fd; /* of the namespace, or -errno */
	int loopback;  /* 0 or -errno, once the helper has ended */
	char stack[4096] __attribute__((aligned(64)));
};

/* Not begun: all the others may be called. */
void netns_init(struct netns *n);
void netns_begin(struct netns *n);
int netns_take(struct netns *n) NODISCARD;
int netns_finish(struct netns *n, struct error *err) NODISCARD;
void netns_done(struct netns *n);
