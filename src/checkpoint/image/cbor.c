/* SPDX-License-Identifier: Apache-2.0 */
/* cbor.c - see cbor.h. docs/adr/0007-our-own-cbor.md says why it is here. */
#include "checkpoint/image/cbor.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "u64s are copied as they lie in memory");

/* ---- writing ---- */

void cbor_put_head(struct buf *b, enum cbor_major major, uint64_t value)
{
	uint8_t out[9];
	unsigned n = value < 24		   ? 0
		     : value <= UINT8_MAX  ? 1
		     : value <= UINT16_MAX ? 2
		     : value <= UINT32_MAX ? 4
					   : 8;
	uint8_t info = n == 0 ? (uint8_t)value : n == 1 ? 24 : n == 2 ? 25 : n == 4 ? 26 : 27;
	out[0] = (uint8_t)(major << 5 | info);
	for (unsigned i = 0; i < n; i++)
		out[1 + i] = (uint8_t)(value >> (8 * (n - 1 - i)));
	buf_add(b, out, 1 + n);
}

void cbor_put_int(struct buf *b, int64_t v)
{
	if (v < 0)
		cbor_put_head(b, CBOR_NEGINT, ~(uint64_t)v);
	else
		cbor_put_head(b, CBOR_UINT, (uint64_t)v);
}

void cbor_put_bool(struct buf *b, bool v)
{
	cbor_put_head(b, CBOR_SIMPLE, v ? CBOR_TRUE : CBOR_FALSE);
}

void cbor_put_bytes(struct buf *b, const void *data, size_t size)
{
	cbor_put_head(b, CBOR_BYTES, size);
	buf_add(b, data, size);
}

void cbor_put_text(struct buf *b, const char *s, size_t size)
{
	cbor_put_head(b, cbor_is_utf8((const uint8_t *)s, size) ? CBOR_TEXT : CBOR_BYTES, size);
	buf_add(b, s, size);
}

void cbor_put_u64s(struct buf *b, const uint64_t *v, size_t n)
{
	cbor_put_head(b, CBOR_TAG, CBOR_TAG_U64S);
	cbor_put_bytes(b, v, n * sizeof(*v));
}

/* ---- reading ---- */

struct cbor cbor_over(const void *data, size_t size)
{
	const uint8_t *p = data;
	return (struct cbor){ .start = p, .p = p, .end = p + size };
}

size_t cbor_at(const struct cbor *c)
{
	return (size_t)(c->p - c->start);
}

size_t cbor_left(const struct cbor *c)
{
	return (size_t)(c->end - c->p);
}

static bool refuse(struct cbor *c, const char *why)
{
	c->why = why;
	return false;
}

/* The number in a head; strict, so that each value has one form. */
static bool read_number(struct cbor *c, uint8_t info, size_t *ret_size, uint64_t *ret)
{
	if (info < 24) {
		*ret_size = 1;
		*ret = info;
		return true;
	}
	if (info > 27)
		return refuse(c, info == 31 ? "an indefinite length" : "a reserved head");
	size_t n = (size_t)1 << (info - 24);
	if (cbor_left(c) < 1 + n)
		return refuse(c, "it is cut off");
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | c->p[1 + i];
	if (n == 1 ? v < 24 : v >> (4 * n) == 0) /* the next smaller form has half the bits */
		return refuse(c, "a number longer than it need be");
	*ret_size = 1 + n;
	*ret = v;
	return true;
}

bool cbor_head(struct cbor *c, enum cbor_major *ret_major, uint64_t *ret_value)
{
	if (cbor_left(c) == 0)
		return refuse(c, "it is cut off");
	enum cbor_major major = c->p[0] >> 5;
	size_t size;
	uint64_t value;
	if (major == CBOR_SIMPLE && (c->p[0] & 31) != CBOR_FALSE && (c->p[0] & 31) != CBOR_TRUE)
		return refuse(c, "a float or a simple value that images do not have");
	if (!read_number(c, c->p[0] & 31, &size, &value))
		return false;
	uint64_t left = cbor_left(c) - size;
	if (major == CBOR_TAG && value != CBOR_TAG_U64S)
		return refuse(c, "a tag that images do not have");
	if ((major == CBOR_BYTES || major == CBOR_TEXT || major == CBOR_ARRAY) && value > left)
		return refuse(c, "it is longer than what is there");
	if (major == CBOR_MAP && value > left / 2)
		return refuse(c, "it is longer than what is there");
	c->p += size;
	*ret_major = major;
	*ret_value = value;
	return true;
}

bool cbor_expect(struct cbor *c, enum cbor_major major, uint64_t *ret_value)
{
	static const char *const words[] = {
		[CBOR_UINT] = "it is not a number from 0 up",
		[CBOR_NEGINT] = "it is not a negative number",
		[CBOR_BYTES] = "it is not a byte string",
		[CBOR_TEXT] = "it is not text",
		[CBOR_ARRAY] = "it is not an array",
		[CBOR_MAP] = "it is not a map",
		[CBOR_TAG] = "it is not an array of numbers",
		[CBOR_SIMPLE] = "it is not true or false",
	};
	if (cbor_left(c) && c->p[0] >> 5 != major)
		return refuse(c, words[major]);
	enum cbor_major found;
	return cbor_head(c, &found, ret_value);
}

bool cbor_string(struct cbor *c, enum cbor_major major, const uint8_t **ret, size_t *ret_size)
{
	const uint8_t *item = c->p;
	uint64_t size;
	if (!cbor_expect(c, major, &size))
		return false;
	if (major == CBOR_TEXT && !cbor_is_utf8(c->p, (size_t)size)) {
		c->p = item;
		return refuse(c, "text that is not UTF-8");
	}
	*ret = c->p;
	*ret_size = (size_t)size;
	c->p += size;
	return true;
}

bool cbor_u64s(struct cbor *c, uint64_t tag, const uint8_t **ret, size_t *ret_n)
{
	if (tag != CBOR_TAG_U64S)
		return refuse(c, "a tag that images do not have");
	const uint8_t *item = c->p;
	size_t size;
	if (!cbor_string(c, CBOR_BYTES, ret, &size))
		return false;
	if (size % sizeof(uint64_t)) {
		c->p = item;
		return refuse(c, "an array of numbers that is cut off");
	}
	*ret_n = size / sizeof(uint64_t);
	return true;
}

static bool skip_map(struct cbor *c, uint64_t pairs, unsigned depth)
{
	for (; pairs; pairs--) {
		const uint8_t *key;
		size_t size;
		if (!cbor_string(c, CBOR_TEXT, &key, &size) || !cbor_skip(c, depth))
			return false;
	}
	return true;
}

bool cbor_skip(struct cbor *c, unsigned depth)
{
	enum cbor_major major;
	uint64_t value;
	const uint8_t *s;
	size_t n;
	if (depth > CBOR_MAX_DEPTH)
		return refuse(c, "it is nested too deep");
	if (cbor_left(c) && (c->p[0] >> 5 == CBOR_BYTES || c->p[0] >> 5 == CBOR_TEXT))
		return cbor_string(c, c->p[0] >> 5, &s, &n);
	if (!cbor_head(c, &major, &value))
		return false;
	switch (major) {
	case CBOR_ARRAY:
		for (; value; value--)
			if (!cbor_skip(c, depth + 1))
				return false;
		return true;
	case CBOR_MAP:
		return skip_map(c, value, depth + 1);
	case CBOR_TAG:
		return cbor_u64s(c, value, &s, &n);
	default:
		return true;
	}
}

/* RFC 3629: shortest forms only, no surrogates, nothing past U+10FFFF. */
bool cbor_is_utf8(const uint8_t *s, size_t size)
{
	for (size_t i = 0; i < size;) {
		uint8_t a = s[i];
		if (a < 0x80) {
			i++;
			continue;
		}
		size_t more = a >= 0xc2 && a <= 0xdf   ? 1
			      : (a & 0xf0) == 0xe0     ? 2
			      : a >= 0xf0 && a <= 0xf4 ? 3
						       : 0;
		if (more == 0 || size - i <= more)
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
		uint8_t b = s[i + 1];
		if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) || (a == 0xf0 && b < 0x90) ||
		    (a == 0xf4 && b > 0x8f))
			return false;
		i += 1 + more;
	}
	return true;
}
