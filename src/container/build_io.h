/* SPDX-License-Identifier: Apache-2.0 */
/* build_io.h - the descriptors that a container is born with. See build.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BUILD_MAX_KEEP 5
#define BUILD_SEED_FDS 3

/* What the job gets as its standard descriptors, and what contexe-init holds for the supervisor. All
 * descriptors stay the caller's. */
struct build_io {
	int stdio[3];	/* the job's 0, 1, 2; ignored with a terminal */
	int listen_fd;	/* for contexe-init, see init/protocol.h */
	int channel_fd; /* contexe-init's end of the supervisor channel */
	int status_fd;
	int keep[BUILD_MAX_KEEP];
	size_t n_keep;
	/*
	 * What plan->views needs: a memory of struct viewfs_shared, and /dev/fuse where the container has the user
	 * namespace that we are in (else the builder opens it in the new one). contexe-init keeps both.
	 */
	int views_memory, views_fd;
	int netns_fd; /* a network namespace, up and running; -EBADF: it is made with the others */
	bool led; /* no job: keep[0] is the pidfd of the process outside that leads (init/protocol.h) */
	int start_fd;	     /* the job executes only after a byte was read here; -EBADF: at once */
	const int *preserve; /* descriptors for the job from 3 on */
	size_t n_preserve;
	uint16_t rows, cols; /* of the terminal, 0: leave */
	/* Restore: instead of a job and contexe-init, process 1 executes this program, with the descriptors
	 * socket, programs, image as 3, 4, 5 (checkpoint/seed/protocol.h). NULL: an ordinary start. */
	const char *seed_path;
	int seed_fds[BUILD_SEED_FDS];
	/* Done by the parent while the child builds; the job is not started before it is over. May be NULL. */
	int (*meanwhile)(void *arg, struct error *err);
	void *meanwhile_arg;
};
