/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.h - the rendezvous between an engine process and the children that it sends into a container.
 * A SOCK_SEQPACKET pair; the child's end is O_CLOEXEC, so that end of file means "executed".
 *
 *   SYNC_BORN    child -> parent   with the pidfd of the builder, from its midwife (midwife.h)
 *   SYNC_GO      parent -> child   id maps are written, go on. The child waits in sync_wait_go(). The answer to SYNC_TREE
 *                                  has the /dev/fuse of SYNC_VIEWS with it, if there is one.
 *   SYNC_CONSOLE child -> parent   with the pty master (SCM_RIGHTS). The parent waits in sync_collect().
 *   SYNC_BUILT   child -> parent   everything is there, what is left is to execute; with the job's pidfd
 *                                  where the job is another process than the child
 *   SYNC_VIEWS   child -> parent   with the /dev/fuse of a file system that is mounted now; from then on the parent
 *                                  answers what is asked there while it waits in sync_collect() (views.h)
 *   SYNC_TREE    child -> parent   the tree is there, nothing is asked there any more
 *   SYNC_ERROR   child -> parent   it failed; the message holds the struct error
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum sync_type {
	SYNC_GO = 1,
	SYNC_CONSOLE,
	SYNC_BUILT,
	SYNC_ERROR,
	SYNC_BORN,
	SYNC_VIEWS,
	SYNC_TREE
};

struct sync_msg {
	uint32_t type;
	int32_t value;
	struct error error;
};

/* A pair: ret[0] for the parent, ret[1] for the child. */
int sync_pair(int ret[2], struct error *err) NODISCARD;
int sync_send(int sock, enum sync_type type, int value, int fd) NODISCARD;
/* Tells the parent and ends the child with status 1. */
NORETURN void sync_fail(int sock, const struct error *err);
int sync_wait_go(int sock) NODISCARD;
/* The same; *ret_fd: what came with it (the caller's), or -EBADF. */
int sync_wait_go_with(int sock, int *ret_fd) NODISCARD;

/* What the parent got until `until` came, or the child executed (end of file). */
struct sync_result {
	int console;	  /* -EBADF: none */
	int job;	  /* pidfd (of the builder with SYNC_BORN), -EBADF: none */
	int views;	  /* /dev/fuse, -EBADF: none */
	int views_memory; /* the caller's */
	int views_done;	  /* what is asked there now is not for the parent to answer */
	int eof;
};
#define SYNC_RESULT_INIT                                                                           \
	{                                                                                          \
		.console = -EBADF, .job = -EBADF, .views = -EBADF, .views_memory = -EBADF          \
	}
/* 0, or the child's error. */
int sync_collect(int sock, enum sync_type until, struct sync_result *ret, struct error *err)
	NODISCARD;
