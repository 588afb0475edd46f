/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h - requests that change something: each is done by a child, which ends with the errno as its exit status, and whose
 * end is the answer. A child that has answered by itself ends with WORK_ANSWERED.
 */
#pragma once

#include "fs/server.h"

#define WORK_ANSWERED 200

/* Takes the request: it will be answered. text is copied. */
void work_write(struct server *s, fuse_req_t req, fuse_ino_t ino, const char *text, size_t size);
void work_mkdir(struct server *s, fuse_req_t req, const char *name);
void work_rmdir(struct server *s, fuse_req_t req, const char *name);

/* Some child has ended (SIGCHLD). */
void work_reap(struct server *s);
/* Waits for all that are on their way. */
void work_finish(struct server *s);
