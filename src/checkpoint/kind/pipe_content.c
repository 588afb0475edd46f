/* SPDX-License-Identifier: Apache-2.0 */
/* pipe_content.c - see pipe_content.h. */
#include "checkpoint/kind/pipe_content.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "checkpoint/kind/procfd.h"

#define CHUNK_MAX (1U << 30)

static const struct field chunk_fields[] = {
	FIELD(struct pipe_chunk, data, BYTES, .optional = true, .max = CHUNK_MAX),
	FIELD(struct pipe_chunk, packet, BOOL, .optional = true),
	FIELDS_END,
};

const struct field pipe_content_fields[] = {
	FIELD(struct pipe_content, capacity, U32),
	FIELD(struct pipe_content, chunks, LIST, .optional = true, .max = 1 << 20,
	      .fields = chunk_fields, .size = sizeof(struct pipe_chunk)),
	FIELDS_END,
};

size_t pipe_content_size(const struct pipe_content *content)
{
	const struct pipe_chunk *v = content->chunks.v;
	size_t sum = 0;
	for (size_t i = 0; i < content->chunks.n; i++)
		sum += v[i].data.size;
	return sum;
}

static int waiting(int fd)
{
	int n = 0;
	return ioctl(fd, FIONREAD, &n) < 0 ? -errno : n;
}

struct copy {
	int out, in;
	bool marked; /* one byte more was written behind the content */
};

/* A byte that is no packet: what comes back together with it did not end one either. */
static void mark(struct copy *copy)
{
	if (!copy->marked)
		copy->marked = write(copy->in, "", 1) == 1;
}

/* Reads the copy to its end, packet by packet. */
static int drain(struct collect *c, struct copy *copy, size_t left, struct pipe_content *ret)
{
	CLEANUP_STR char *buf = xmalloc(left + 1);
	struct pipe_chunk *v = NULL;
	size_t n = 0;
	mark(copy);
	while (left > 0) {
		ssize_t got = read(copy->out, buf, left + 1);
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		bool last = (size_t)got >= left;
		size_t size = last ? left : (size_t)got;
		/* When there was no room for the mark, all came at once: no packet is that large. */
		bool packet = !last || (copy->marked && (size_t)got == left);
		void *data = memcpy(arena_alloc(c->arena, size), buf, size);
		*arena_push(c->arena, v, n) = (struct pipe_chunk){
			.data = { .data = data, .size = size },
			.packet = packet,
		};
		left -= size;
		mark(copy);
	}
	ret->chunks = (struct list){ .v = v, .n = n };
	return 0;
}

/* tee(2) takes as many slots as the pipe has; one more for the mark if the system lets us. */
static int make_copy(int capacity, int fds[2])
{
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	if (fcntl(fds[1], F_SETPIPE_SZ, capacity * 2) < 0 &&
	    fcntl(fds[1], F_GETPIPE_SZ) < capacity && fcntl(fds[1], F_SETPIPE_SZ, capacity) < 0)
		return -errno;
	return 0;
}

int pipe_content_collect(struct collect *c, int fd, struct pipe_content *ret, struct error *err)
{
	CLEANUP_FD int own = procfd_open(c->proc, fd, O_RDONLY | O_NONBLOCK);
	if (own < 0)
		return error_sys(err, -own, "cannot open the pipe once more");
	int capacity = fcntl(own, F_GETPIPE_SZ), size = waiting(own);
	if (capacity < 0 || size < 0)
		return error_sys(err, capacity < 0 ? errno : -size, "cannot ask the pipe's size");
	*ret = (struct pipe_content){ .capacity = (uint32_t)capacity };
	if (size == 0)
		return 0;
	int fds[2] = { FD_NONE, FD_NONE };
	int r = make_copy(capacity, fds);
	CLEANUP_FD int out = fds[0];
	CLEANUP_FD int in = fds[1];
	if (r < 0)
		return error_sys(err, -r, "cannot make a pipe of %d bytes", capacity);
	ssize_t n = tee(own, in, INT_MAX, SPLICE_F_NONBLOCK);
	if (n != size)
		return error_sys(err, n < 0 ? errno : EIO, "cannot copy the %d bytes of a pipe",
				 size);
	struct copy copy = { .out = out, .in = in };
	r = drain(c, &copy, (size_t)size, ret);
	return r < 0 ? error_sys(err, -r, "cannot read the copy of a pipe") : 0;
}

static int put(int fd, const uint8_t *data, size_t size, bool packet)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted = (packet ? flags | O_DIRECT : flags & ~O_DIRECT) | O_NONBLOCK;
	if (flags < 0 || fcntl(fd, F_SETFL, wanted) < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, data + done, size - done);
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int put_chunk(int fd, const struct pipe_chunk *chunk)
{
	/* A packet has at most PIPE_BUF bytes; what a read gives before it is plain. */
	size_t packet = chunk->packet ? MIN(chunk->data.size, (size_t)PIPE_BUF) : 0;
	size_t plain = chunk->data.size - packet;
	int r = plain ? put(fd, chunk->data.data, plain, false) : 0;
	if (r == 0 && packet)
		r = put(fd, (const uint8_t *)chunk->data.data + plain, packet, true);
	return r;
}

int pipe_content_fill(int fd, const struct pipe_content *content, struct error *err)
{
	if (content->capacity > INT_MAX)
		return error_set(err, EBADMSG, "a pipe of %u bytes", content->capacity);
	if (fcntl(fd, F_GETPIPE_SZ) != (int)content->capacity &&
	    fcntl(fd, F_SETPIPE_SZ, (int)content->capacity) < 0) {
		(void)error_sys(err, errno, "cannot give a pipe its %u bytes", content->capacity);
		return error_hint(err, "raise the sysctl fs.pipe-max-size");
	}
	const struct pipe_chunk *v = content->chunks.v;
	for (size_t i = 0; i < content->chunks.n; i++) {
		int r = put_chunk(fd, &v[i]);
		if (r < 0)
			return error_sys(err, -r, "cannot fill a pipe");
	}
	return 0;
}
