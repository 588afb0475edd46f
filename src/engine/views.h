/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views.h - a supervisor's part in showing its container its own /proc files (sys/viewfs.h).
 *
 * The supervisor holds /dev/fuse and watches it. Only when something is read it starts contexe-procfs, which ends when
 * nothing was read for half a minute; when it ends in another way, the next request starts another. Where it
 * cannot be started, the supervisor answers with the kernel's own files.
 */
#pragma once

#include "engine/relay.h"
#include "sys/pidref.h"

struct views {
	int fuse;   /* -EBADF: there are none */
	int memory; /* struct viewfs_shared */
	int leash;  /* its other end is the server's: closed, it goes */
	int server; /* pidfd, -EBADF: none runs */
	pid_t server_pid;
	unsigned failures; /* in a row, of its own fault */
	bool plain;	   /* it cannot be had: the kernel's files */
	/* what the server is told */
	struct pidref init;
	uint64_t born;
	char *cgroup;
};
#define VIEWS_NONE                                                                                 \
	((struct views){ .fuse = FD_NONE, .memory = FD_NONE, .leash = FD_NONE, .server = FD_NONE })

/* Fills in what the server is told; a running one goes, and the next knows it. */
void views_tell(struct views *v, const struct pidref *init, uint64_t born, const char *cgroup);

/* Now, before anything is asked for: when we cannot look after requests for a while. */
void views_start(struct views *v);

void views_add(const struct views *v, struct pollset *ps);
void views_handle(struct views *v, const struct pollset *ps);

/* Ends the server, waits for it, closes all. */
void views_done(struct views *v);
