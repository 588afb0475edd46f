/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbor.h - the part of CBOR (RFC 8949) that images use: integers, byte and text strings, arrays, maps with text
 * keys, true and false, and tag 71 (RFC 8746: an array of uint64, little endian). Nothing else is written, and
 * nothing else is read: no floats, null, other tags, indefinite lengths, or numbers longer than they need be.
 *
 * Reading is a cursor over text that may be hostile. Every length is compared with what is left before it is used.
 * A function that fails tells the reason in `why` and leaves `p` at the item that it could not read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum cbor_major {
	CBOR_UINT,
	CBOR_NEGINT, /* the value v stands for -1 - v */
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY,
	CBOR_MAP,
	CBOR_TAG,
	CBOR_SIMPLE, /* 20: false, 21: true */
};

#define CBOR_FALSE     20
#define CBOR_TRUE      21
#define CBOR_TAG_U64S  71
#define CBOR_MAX_DEPTH 16 /* arrays and maps within one another */

/* ---- writing ---- */

void cbor_put_head(struct buf *b, enum cbor_major major, uint64_t value);
void cbor_put_int(struct buf *b, int64_t v);
void cbor_put_bool(struct buf *b, bool v);
void cbor_put_bytes(struct buf *b, const void *data, size_t size);
/* A text string when it is UTF-8, else a byte string. */
void cbor_put_text(struct buf *b, const char *s, size_t size);
void cbor_put_u64s(struct buf *b, const uint64_t *v, size_t n);

/* ---- reading ---- */

struct cbor {
	const uint8_t *start, *p, *end;
	const char *why;
};

struct cbor cbor_over(const void *data, size_t size);
size_t cbor_at(const struct cbor *c); /* bytes from the start */
size_t cbor_left(const struct cbor *c);

/*
 * The next item's head. Of strings, the content is there and follows at p; of arrays and maps, the count is not
 * greater than the bytes left.
 */
bool cbor_head(struct cbor *c, enum cbor_major *ret_major, uint64_t *ret_value);
/* The head of an item that must be of this major type. */
bool cbor_expect(struct cbor *c, enum cbor_major major, uint64_t *ret_value);
/* A string's content, UTF-8 when it is text. */
bool cbor_string(struct cbor *c, enum cbor_major major, const uint8_t **ret, size_t *ret_size);
/* After the head of a tag: the bytes of a u64s, 8 times *ret_n. */
bool cbor_u64s(struct cbor *c, uint64_t tag, const uint8_t **ret, size_t *ret_n);
/* Steps over one item, whatever it holds, checking all of it. depth: 0 from outside. */
bool cbor_skip(struct cbor *c, unsigned depth);

bool cbor_is_utf8(const uint8_t *s, size_t size);
