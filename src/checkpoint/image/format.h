/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - the fixed structures of an image as they lie in the file (docs/image-format.md), sealed and checked. All
 * numbers are little endian. Where a part lies follows from where the one before it ends: there is one
 * layout for a given list of parts, hence no gaps, no overlaps, and nothing to hide in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/image/image.h"

#define FORMAT_ALIGN	    64
#define FORMAT_MAX_NAME	    79
#define FORMAT_MAX_TYPE	    64
#define FORMAT_MAX_RECORD   (256u << 20) /* bytes of one record */
#define FORMAT_MAX_RECORDS  (1u << 24)	 /* records of an image */
#define FORMAT_MAX_TEXT	    (1ull << 30) /* bytes of all RECORDS parts together */
#define FORMAT_MAX_PARTS    (1u << 23)
#define FORMAT_MAX_BLOBS    256
#define FORMAT_RECORDS_PART (1u << 20) /* the writer ends a RECORDS part past this */

struct format_header {
	char magic[8];
	uint32_t version;
	uint32_t features; /* bits that a reader must know: none yet */
	uint8_t id[16];	   /* random */
	uint32_t page_size;
	uint8_t zero[20];
	uint64_t checksum; /* of what is before it */
};

enum part_kind {
	PART_RECORDS = 1,
	PART_PAGES = 2,
	PART_BLOB = 3,
	PART_INDEX = 4,
};

#define PART_MORE 1u /* flag of a BLOB: the next part holds more of it */

struct format_part {
	char magic[4];
	uint32_t kind;
	uint32_t flags;
	uint32_t zero;
	uint64_t offset; /* of the payload in the file */
	uint64_t size;	 /* of the payload */
	uint64_t payload_checksum;
	char name[FORMAT_MAX_NAME + 1]; /* of a BLOB, padded with zeros */
	uint64_t checksum;		/* of what is before it */
};

struct format_trailer {
	char magic[8];
	uint64_t index_offset; /* of the index part's header */
	uint64_t size;	       /* of the whole image */
	uint64_t index_checksum;
	uint8_t id[16]; /* as in the header */
	uint64_t zero;
	uint64_t checksum; /* of what is before it */
};

/* The most that lies before a payload: alignment, header, alignment. */
#define FORMAT_MAX_FRAME (FORMAT_ALIGN + sizeof(struct format_part) + IMAGE_PAGE)

/* Fills in magic and checksum. */
void format_header_seal(struct format_header *h);
void format_part_seal(struct format_part *p);
void format_trailer_seal(struct format_trailer *t);

/* Where a part goes when the one before it ends at `end`. */
uint64_t format_align(uint64_t end);
uint64_t format_payload(uint32_t kind, uint64_t header_offset);

/* Each by itself; at: where it lies, for the error. -EBADMSG. */
int format_header_check(const struct format_header *h, struct error *err) NODISCARD;
int format_part_check(const struct format_part *p, uint64_t at, struct error *err) NODISCARD;
int format_trailer_check(const struct format_trailer *t, uint64_t at, struct error *err) NODISCARD;

/* Returns -EBADMSG with "damaged at byte N: why". */
int format_damaged(struct error *err, uint64_t at, const char *why, ...) PRINTF_LIKE(3, 4);

bool format_is_zero(const void *data, size_t size);
/* [a-z0-9._-]{1,64} */
bool format_is_type(const char *s, size_t size);
/* [A-Za-z0-9._-]{1,79} */
bool format_is_name(const char *s, size_t size);
