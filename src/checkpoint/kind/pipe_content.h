/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe_content.h - what is in a pipe or fifo and its size: taken without disturbing it (tee(2)), and written again so
 * that the same reads give the same bytes: where a packet ends (O_DIRECT), a read ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/image/record.h"
#include "checkpoint/kind/collect.h"

/* Bytes up to the end of a packet, or of all. */
struct pipe_chunk {
	struct bytes data;
	bool packet; /* it ends a packet: a read stops after it */
};

struct pipe_content {
	uint32_t capacity;  /* F_GETPIPE_SZ */
	struct list chunks; /* struct pipe_chunk */
};

extern const struct field pipe_content_fields[];

/* fd: any open file for the pipe. ret lives in the dump's arena. */
int pipe_content_collect(struct collect *c, int fd, struct pipe_content *ret, struct error *err)
	NODISCARD;

/* fd: a writable open file (blocking or not), whose O_DIRECT flag is changed. The pipe is new and empty. */
int pipe_content_fill(int fd, const struct pipe_content *content, struct error *err) NODISCARD;

size_t pipe_content_size(const struct pipe_content *content); /* bytes */
