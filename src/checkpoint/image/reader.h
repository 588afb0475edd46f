/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h - an opened image, as the files of this folder see it. */
#pragma once

#include "checkpoint/image/format.h"
#include "checkpoint/image/image.h"
#include "checkpoint/image/key.h"

struct image {
	int fd;
	uint64_t size;
	struct format_part index;    /* header of the index part */
	struct format_part *headers; /* the index */
	struct image_part *parts;    /* the same for callers */
	size_t n_parts;
	char **texts; /* the payloads of RECORDS parts */
	size_t n_texts;
	struct image_record *records; /* in the order of the file */
	struct key *keys;	      /* sorted */
	size_t n_records, room;
	struct arena arena; /* the types */
};

/* Reads exactly size bytes. -EBADMSG when the file ends before. */
int reader_read(const struct image *img, uint64_t at, void *data, size_t size, struct error *err)
	NODISCARD;

/*
 * Checks what lies between the end of one part and the payload of the next: zeros, and the header that the index
 * tells. Returns -EBADMSG.
 */
int reader_check_frame(const struct image *img, uint64_t end, const struct format_part *p,
		       struct error *err) NODISCARD;
