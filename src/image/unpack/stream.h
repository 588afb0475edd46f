/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - a blob, decompressed as it is read (gzip, zstd, xz, bzip2, or as it is; told by its first
 * bytes), with the digests of both sides computed on the way.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "image/digest.h"
#include "image/unpack/blob.h"
#include "image/unpack/hasher.h"

struct archive; /* libarchive's */

struct stream {
	const struct blob *blob;
	uint64_t pos;		/* bytes of the blob that were read */
	struct hasher packed;	/* of the blob's bytes */
	struct hasher unpacked; /* of what came out */
	const char *format;	/* "gzip", ...; NULL: not compressed */
	struct archive *filter; /* NULL: not compressed */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
	char *chunk;
	int io_error; /* errno of a failed read of the blob itself */
};

#define CLEANUP_STREAM CLEANUP(stream_done)
void stream_done(struct stream *s);

/* The name of the compression that a file begins like; NULL: none that is known. */
const char *stream_format(const struct blob *b);

/*
 * Begins. packed and unpacked are the digests' algorithms; NULL: not computed. The blob stays the
 * caller's and must outlive the stream. 0, -EOPNOTSUPP or -errno. s must be all zero.
 */
int stream_open(struct stream *s, const struct blob *b, const char *packed, const char *unpacked,
		struct error *err) NODISCARD;

/*
 * The next bytes that come out, valid until the next call. Returns their number, 0 at the end, -EBADMSG
 * (the compressed data is damaged or ends too early), -EINTR or -errno.
 */
ssize_t stream_next(struct stream *s, const void **ret, struct error *err) NODISCARD;

/* Reads what is left of the blob without decompressing it, for its digest: after the end, or after damage
 * was met. 0 or -errno. */
int stream_drain_packed(struct stream *s, struct error *err) NODISCARD;
