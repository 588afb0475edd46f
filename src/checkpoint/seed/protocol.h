/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - what contexe-seed, the program that a restored process is made of, and the engine tell each other.
 *
 * contexe-seed is executed with all signals blocked and
 *     fd 3  a connected unix socket, SOCK_SEQPACKET or SOCK_STREAM
 *     fd 4  the memfd of the arena (inject/arena_map.h)
 * It takes one struct seed_msg from fd 3, maps the arena there (shared; readable, writable, executable), closes fd 4,
 * and enters the interpreter at its start with `run`: from then on it is what that program makes of it. fd 3 stays
 * open, other descriptors are not touched. Arguments and environment are not looked at, credentials and
 * "dumpable" stay as they are.
 *
 * When something fails it sends one struct seed_failure over fd 3 and exits with 1. Nothing is sent otherwise: the
 * run's state, in the arena, tells the rest. End of file without a message means that it was killed.
 *
 * Its own image is two pages at SEED_BASE, its stack and the vdso lie where the kernel has put them: an arena must not
 * overlap them (-EEXIST then), the program may unmap them.
 */
#pragma once

#include <stdint.h>

#define SEED_FD_ENGINE 3
#define SEED_FD_ARENA  4
#define SEED_BASE      0x400000 /* where a static program is linked to */

struct seed_msg {
	uint64_t base; /* of the arena, page aligned */
	uint64_t size; /* to map */
	uint64_t run;  /* address of the struct run within */
};

enum seed_step {
	SEED_RECEIVE = 1, /* no struct seed_msg; err is EPROTO, or EPIPE at end of file */
	SEED_MAP,	  /* mmap(2) of the arena */
};

struct seed_failure {
	uint32_t step; /* enum seed_step */
	int32_t err;   /* errno, positive */
};
