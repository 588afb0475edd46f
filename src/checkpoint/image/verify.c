/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - what image_open() leaves out because it is large: the payloads of PAGES and BLOB parts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/image/checksum.h"
#include "checkpoint/image/reader.h"

#define PIECE (1u << 20)

/* Not more than the image has. */
static size_t piece_size(const struct image *img)
{
	return (size_t)MIN((uint64_t)PIECE, img->size);
}

struct reading {
	struct image *img;
	struct checksum *sum;
	char *piece; /* piece_size() bytes */
	int out;     /* FD_NONE: nowhere */
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
};

/* Reads a payload, copies it to `out`, and compares its checksum. */
static int read_payload(struct reading *rd, const struct format_part *p, struct error *err)
{
	checksum_reset(rd->sum);
	for (uint64_t done = 0; done < p->size;) {
		size_t n = (size_t)MIN((uint64_t)piece_size(rd->img), p->size - done);
		int r = reader_read(rd->img, p->offset + done, rd->piece, n, err);
		if (r < 0)
			return r;
		checksum_add(rd->sum, rd->piece, n);
		r = rd->out >= 0 ? fd_write_all(rd->out, rd->piece, n) : 0;
		if (r < 0)
			return error_sys(err, -r, "cannot write what was in the image");
		done += n;
		if (rd->progress)
			rd->progress(rd->arg, p->offset + done, rd->img->size);
	}
	if (checksum_end(rd->sum) != p->payload_checksum)
		return format_damaged(
			err, p->offset, "%s of %llu bytes from here on has not its checksum",
			p->kind == PART_BLOB ? "a blob" : "a part", (unsigned long long)p->size);
	return 0;
}

int image_verify(struct image *img, void (*progress)(void *arg, uint64_t done, uint64_t all),
		 void *arg, struct error *err)
{
	CLEANUP_CHECKSUM struct checksum *sum = checksum_new();
	CLEANUP_STR char *piece = xmalloc(piece_size(img));
	struct reading rd = { img, sum, piece, FD_NONE, progress, arg };
	uint64_t end = sizeof(struct format_header);
	for (size_t i = 0; i < img->n_parts; i++) {
		const struct format_part *p = &img->headers[i];
		int r = reader_check_frame(img, end, p, err);
		if (r == 0)
			r = read_payload(&rd, p, err);
		if (r < 0)
			return r;
		end = p->offset + p->size;
	}
	if (progress)
		progress(arg, img->size, img->size);
	return 0;
}

int image_blob_read(struct image *img, const char *name, int out, struct error *err)
{
	CLEANUP_CHECKSUM struct checksum *sum = checksum_new();
	CLEANUP_STR char *piece = xmalloc(piece_size(img));
	struct reading rd = { img, sum, piece, out, NULL, NULL };
	bool found = false;
	for (size_t i = 0; i < img->n_parts; i++) {
		const struct format_part *p = &img->headers[i];
		if (p->kind != PART_BLOB || strcmp(p->name, name) != 0)
			continue;
		found = true;
		int r = read_payload(&rd, p, err);
		if (r < 0)
			return error_object(err, "%s", name), r;
	}
	if (found)
		return 0;
	(void)error_set(err, ENOENT, "the image has no such blob");
	return error_object(err, "%s", name), -ENOENT;
}
