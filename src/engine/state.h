/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what is written down about a container beside its configuration: state.json in its directory,
 * replaced atomically. Written by the supervisor, and by those who hold the container's lock while there is
 * none. It is not synced to disk on the start path: what a power cut leaves half written is found out when
 * it is read (state_read() fails) and shown as "broken".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "spec/values.h"

struct state {
	struct arena arena;
	int64_t version; /* 1 */
	char *id;	 /* 16 hex digits, never used again */
	char *name;
	uint64_t number;
	char *status; /* "created", "running", "exited" */
	char *boot;   /* boot_id of the machine when it was started */
	int64_t init_pid, job_pid, supervisor_pid;
	uint64_t init_start, job_start, supervisor_start;
	uint64_t created, started, finished; /* ns since 1970 */
	struct opt_i64 wait_status;
	char *reason; /* why it ended, when the status does not say: "out of memory" ... */
	char *cgroup; /* for cgroup_open() */
	char *stdio;  /* what the job's 0, 1, 2 are, see externals.h */
	uint64_t
		born; /* the container's CLOCK_BOOTTIME when it began, ns: kept over a checkpoint */
	bool views;   /* it sees its own /proc files */
	uint64_t restarts;
	bool led;     /* by a process outside, the "job", instead of having a program of its own */
	bool stopped; /* it ended because a user wanted it: `unless-stopped` stays down over a boot */
};

#define CLEANUP_STATE CLEANUP(state_done)
void state_done(struct state *s);

/* dirfd: the container's directory. -ENOENT, -EBADMSG (half written or not ours), -errno. */
int state_read(int dirfd, struct state *ret) NODISCARD;
int state_write(int dirfd, const struct state *s, struct error *err) NODISCARD;

/* wait(2) status -> what a shell shows: 0..255 or 128 + signal. */
int status_to_exit(int64_t wait_status);
