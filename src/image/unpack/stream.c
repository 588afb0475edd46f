/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - see stream.h. libarchive is used as a decompressor here (its "raw" format). */
#include "image/unpack/stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/unpack/report.h"

#define CHUNK (256 * 1024)

static const struct {
	const char *name;
	const char *magic;
	size_t len;
	int (*enable)(struct archive *a);
} formats[] = {
	{ "gzip", "\x1f\x8b", 2, archive_read_support_filter_gzip },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, archive_read_support_filter_zstd },
	{ "xz",
	  "\xfd"
	  "7zXZ",
	  6, archive_read_support_filter_xz },
	{ "bzip2", "BZh", 3, archive_read_support_filter_bzip2 },
};

static int find_format(const struct blob *b)
{
	char head[8] = { 0 };
	ssize_t n = blob_read(b, 0, head, sizeof(head));
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (n >= (ssize_t)formats[i].len &&
		    memcmp(head, formats[i].magic, formats[i].len) == 0)
			return (int)i;
	}
	return -1;
}

const char *stream_format(const struct blob *b)
{
	int i = find_format(b);
	return i < 0 ? NULL : formats[i].name;
}

void stream_done(struct stream *s)
{
	if (s->filter)
		archive_read_free(s->filter);
	hasher_done(&s->packed);
	hasher_done(&s->unpacked);
	free(s->chunk);
	*s = (struct stream){ 0 };
}

/* The blob's next bytes into s->chunk. */
static ssize_t read_packed(struct stream *s)
{
	if (report_interrupted())
		return -EINTR;
	ssize_t n = blob_read(s->blob, s->pos, s->chunk, CHUNK);
	if (n <= 0)
		return n;
	s->pos += (uint64_t)n;
	hasher_add(&s->packed, s->chunk, (size_t)n);
	if (s->progress)
		s->progress(s->progress_arg, s->pos, s->blob->size);
	return n;
}

static la_ssize_t feed_filter(struct archive *a, void *arg, const void **ret)
{
	struct stream *s = arg;
	ssize_t n = read_packed(s);
	if (n < 0) {
		s->io_error = (int)-n;
		archive_set_error(a, s->io_error, "cannot read it");
		return -1;
	}
	*ret = s->chunk;
	return n;
}

static int io_failed(int errnum, struct error *err)
{
	if (errnum == EINTR)
		return error_set(err, EINTR, "interrupted");
	if (errnum == ENODATA)
		return error_set(err, EBADMSG, "the file ends too early");
	return error_sys(err, errnum, "cannot read it");
}

static int filter_failed(struct stream *s, struct error *err)
{
	if (s->io_error)
		return io_failed(s->io_error, err);
	const char *why = archive_error_string(s->filter);
	return error_set(err, EBADMSG, "the %s data is damaged or ends too early (%s)", s->format,
			 why ? why : "no reason given");
}

static int open_filter(struct stream *s, int format, struct error *err)
{
	struct archive_entry *entry;

	s->format = formats[format].name;
	s->filter = archive_read_new();
	if (!s->filter)
		return error_sys(err, ENOMEM, "cannot decompress");
	/* ARCHIVE_WARN: this libarchive would run an outside program */
	if (formats[format].enable(s->filter) != ARCHIVE_OK)
		return error_set(err, EOPNOTSUPP, "this libarchive cannot read %s", s->format);
	archive_read_support_format_raw(s->filter);
	archive_read_support_format_empty(s->filter);
	if (archive_read_open(s->filter, s, NULL, feed_filter, NULL) != ARCHIVE_OK)
		return filter_failed(s, err);
	int r = archive_read_next_header(s->filter, &entry);
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return filter_failed(s, err);
	return 0;
}

int stream_open(struct stream *s, const struct blob *b, const char *packed, const char *unpacked,
		struct error *err)
{
	s->blob = b;
	s->chunk = malloc(CHUNK);
	if (!s->chunk)
		return error_sys(err, ENOMEM, "cannot read it");
	int r = packed ? hasher_begin(&s->packed, packed) : 0;
	if (r == 0 && unpacked)
		r = hasher_begin(&s->unpacked, unpacked);
	if (r < 0)
		return error_set(err, -r, "cannot compute %s digests",
				 unpacked ? unpacked : packed);
	int format = find_format(b);
	return format < 0 ? 0 : open_filter(s, format, err);
}

static ssize_t next_unpacked(struct stream *s, const void **ret, struct error *err)
{
	la_int64_t offset;
	size_t n = 0;

	for (;;) {
		int r = archive_read_data_block(s->filter, ret, &n, &offset);
		if (report_interrupted())
			return error_set(err, EINTR, "interrupted");
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK)
			return filter_failed(s, err);
		if (n > 0)
			return (ssize_t)n;
	}
}

ssize_t stream_next(struct stream *s, const void **ret, struct error *err)
{
	ssize_t n;

	if (s->filter) {
		n = next_unpacked(s, ret, err);
	} else {
		n = read_packed(s);
		*ret = s->chunk;
		if (n < 0)
			return io_failed((int)-n, err);
	}
	if (n > 0)
		hasher_add(&s->unpacked, *ret, (size_t)n);
	return n;
}

int stream_drain_packed(struct stream *s, struct error *err)
{
	ssize_t n;
	do {
		n = read_packed(s);
	} while (n > 0);
	return n < 0 ? io_failed((int)-n, err) : 0;
}
