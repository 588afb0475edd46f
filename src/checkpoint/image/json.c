/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - a record for people: its CBOR as JSON, which loses nothing but long byte strings. */
#include <inttypes.h>

#include "checkpoint/image/cbor.h"
#include "checkpoint/image/image.h"

#define MAX_SHOWN 64

/* Control characters (also those of U+0080 on) are escaped, so that a hostile name cannot drive a terminal. */
static void add_text(struct buf *out, const uint8_t *s, size_t size)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < size; i++) {
		uint8_t c = s[i];
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else if (c == 0xc2 && i + 1 < size && s[i + 1] < 0xa0)
			buf_printf(out, "\\u%04x", s[++i]);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

static void add_bytes(struct buf *out, const uint8_t *s, size_t size)
{
	if (size > MAX_SHOWN) {
		buf_printf(out, "{\"bytes\": %zu}", size);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < size; i++)
		buf_printf(out, "%02x", s[i]);
	buf_putc(out, '"');
}

static bool add_u64s(struct buf *out, struct cbor *c, uint64_t tag)
{
	const uint8_t *s;
	size_t n;
	if (!cbor_u64s(c, tag, &s, &n))
		return false;
	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;
		for (unsigned k = 0; k < 8; k++)
			v |= (uint64_t)s[8 * i + k] << (8 * k);
		buf_printf(out, "%s%" PRIu64, i ? ", " : "", v);
	}
	buf_putc(out, ']');
	return true;
}

static bool add_item(struct buf *out, struct cbor *c, unsigned depth);

static bool add_map(struct buf *out, struct cbor *c, uint64_t pairs, unsigned depth)
{
	buf_putc(out, '{');
	for (uint64_t i = 0; i < pairs; i++) {
		const uint8_t *key;
		size_t size;
		if (!cbor_string(c, CBOR_TEXT, &key, &size))
			return false;
		buf_puts(out, i ? ", " : "");
		add_text(out, key, size);
		buf_puts(out, ": ");
		if (!add_item(out, c, depth))
			return false;
	}
	buf_putc(out, '}');
	return true;
}

static bool add_array(struct buf *out, struct cbor *c, uint64_t n, unsigned depth)
{
	buf_putc(out, '[');
	for (uint64_t i = 0; i < n; i++) {
		buf_puts(out, i ? ", " : "");
		if (!add_item(out, c, depth))
			return false;
	}
	buf_putc(out, ']');
	return true;
}

/* -1 - v, which 64 bits need not be able to hold. */
static void add_negative(struct buf *out, uint64_t v)
{
	if (v == UINT64_MAX)
		buf_puts(out, "-18446744073709551616");
	else
		buf_printf(out, "-%" PRIu64, v + 1);
}

static bool add_item(struct buf *out, struct cbor *c, unsigned depth)
{
	enum cbor_major major = cbor_left(c) ? c->p[0] >> 5 : CBOR_UINT;
	const uint8_t *s;
	size_t size;
	uint64_t v;
	if (depth > CBOR_MAX_DEPTH)
		return false;
	if (major == CBOR_TEXT || major == CBOR_BYTES) {
		if (!cbor_string(c, major, &s, &size))
			return false;
		(major == CBOR_TEXT ? add_text : add_bytes)(out, s, size);
		return true;
	}
	if (!cbor_head(c, &major, &v))
		return false;
	switch (major) {
	case CBOR_ARRAY:
		return add_array(out, c, v, depth + 1);
	case CBOR_MAP:
		return add_map(out, c, v, depth + 1);
	case CBOR_TAG:
		return add_u64s(out, c, v);
	case CBOR_NEGINT:
		add_negative(out, v);
		return true;
	case CBOR_SIMPLE:
		buf_puts(out, v == CBOR_TRUE ? "true" : "false");
		return true;
	default:
		buf_printf(out, "%" PRIu64, v);
		return true;
	}
}

/* Of an opened image every record is well-formed; another one gives half an object, and no harm. */
void image_record_json(const struct image_record *rec, struct buf *out)
{
	struct cbor c = cbor_over(rec->data, rec->size);
	(void)add_item(out, &c, 0);
}
