/* SPDX-License-Identifier: Apache-2.0 */
/* blob.c - see blob.h. */
#include "image/unpack/blob.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"

void blob_done(struct blob *b)
{
	b->fd = fd_close(b->fd);
}

ssize_t blob_read(const struct blob *b, uint64_t pos, void *buf, size_t size)
{
	if (pos >= b->size)
		return 0;
	size_t want = (size_t)MIN((uint64_t)size, b->size - pos);
	for (;;) {
		ssize_t n = pread(b->fd, buf, want, (off_t)(b->offset + pos));
		if (n > 0)
			return n;
		if (n == 0)
			return -ENODATA;
		if (errno != EINTR)
			return -errno;
	}
}

int blob_read_all(const struct blob *b, size_t max, struct buf *ret, struct error *err)
{
	char chunk[8192];

	if (b->size > max)
		return error_set(err, EFBIG, "has %llu bytes, more than the %zu allowed",
				 (unsigned long long)b->size, max);
	for (uint64_t pos = 0;;) {
		ssize_t n = blob_read(b, pos, chunk, sizeof(chunk));
		if (n < 0)
			return error_sys(err, (int)-n, "cannot read it");
		if (n == 0)
			return 0;
		buf_add(ret, chunk, (size_t)n);
		pos += (uint64_t)n;
	}
}
