/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_decode.c - a CBOR map becomes a struct: record.h. The text is hostile: what is allocated for it is bounded
 * by its size (a list's elements by the shortest text that one element can have), and every refusal names the
 * field by its path ("threads[3].tid").
 */
#include <string.h>

#include "checkpoint/image/cbor.h"
#include "checkpoint/image/record.h"

#define MAX_FIELDS 256 /* of one table */

/* Where the reader is, from the innermost outward: made into a path only for an error. */
struct place {
	const struct place *up;
	const struct field *field;
	size_t index; /* in a list */
};

struct decoder {
	struct cbor text;
	struct arena *arena;
	struct error *err;
	unsigned depth;
};

static void path_add(struct buf *out, const struct place *at)
{
	if (!at)
		return;
	path_add(out, at->up);
	if (at->up)
		buf_putc(out, '.');
	buf_puts(out, at->field->name);
	if (at->field->type == FIELD_LIST)
		buf_printf(out, "[%zu]", at->index);
}

static int refuse(struct decoder *d, const struct place *at, const char *name, const char *why)
{
	CLEANUP_BUF struct buf path = BUF_INIT;
	path_add(&path, at);
	if (name)
		buf_printf(&path, "%s%s", at ? "." : "", name);
	if (path.len == 0)
		return error_set(d->err, EBADMSG, "%s (byte %zu)", why, cbor_at(&d->text));
	return error_set(d->err, EBADMSG, "field %s: %s (byte %zu)", buf_str(&path), why,
			 cbor_at(&d->text));
}

/* What the cursor tells. */
static int refuse_text(struct decoder *d, const struct place *at, const char *name)
{
	return refuse(d, at, name, d->text.why);
}

/* A key of the image, fit for an error: short, without control characters. */
static const char *key_word(const uint8_t *key, size_t size, char buf[static 40])
{
	size_t n = MIN(size, (size_t)32);
	for (size_t i = 0; i < n; i++)
		buf[i] = key[i] > ' ' && key[i] < 0x7f ? (char)key[i] : '?';
	(void)strcpy(buf + n, size > n ? "..." : "");
	return buf;
}

/* The fewest bytes that a map of these fields can have, one level deep. */
static size_t map_least(const struct field *fields)
{
	size_t n = 1;
	for (const struct field *f = fields; f->type != FIELD_END; f++)
		if (!f->optional)
			n += 1 + strlen(f->name) + 1;
	return n;
}

static int decode_unsigned(struct decoder *d, const struct place *at, const struct field *f,
			   void *value)
{
	uint64_t max = f->type == FIELD_U32 ? UINT32_MAX : UINT64_MAX, v;
	if (!cbor_expect(&d->text, CBOR_UINT, &v))
		return refuse_text(d, at, f->name);
	if (v > max)
		return refuse(d, at, f->name, "it is too large");
	if (f->type == FIELD_U32)
		*(uint32_t *)value = (uint32_t)v;
	else
		*(uint64_t *)value = v;
	return 0;
}

static int decode_signed(struct decoder *d, const struct place *at, const struct field *f,
			 void *value)
{
	uint64_t max = f->type == FIELD_I32 ? INT32_MAX : INT64_MAX, v;
	enum cbor_major major;
	if (!cbor_head(&d->text, &major, &v))
		return refuse_text(d, at, f->name);
	if (major != CBOR_UINT && major != CBOR_NEGINT)
		return refuse(d, at, f->name, "it is not a number");
	if (v > max)
		return refuse(d, at, f->name,
			      major == CBOR_UINT ? "it is too large" : "it is too small");
	int64_t n = major == CBOR_UINT ? (int64_t)v : -1 - (int64_t)v;
	if (f->type == FIELD_I32)
		*(int32_t *)value = (int32_t)n;
	else
		*(int64_t *)value = n;
	return 0;
}

static int decode_text(struct decoder *d, const struct place *at, const struct field *f,
		       void *value)
{
	const uint8_t *s;
	size_t n;
	bool as_bytes = cbor_left(&d->text) && d->text.p[0] >> 5 == CBOR_BYTES;
	if (!cbor_string(&d->text, as_bytes ? CBOR_BYTES : CBOR_TEXT, &s, &n))
		return refuse_text(d, at, f->name);
	if (f->max && n > f->max)
		return refuse(d, at, f->name, "it is too long");
	if (memchr(s, '\0', n))
		return refuse(d, at, f->name, "text with a zero byte");
	if (as_bytes && cbor_is_utf8(s, n))
		return refuse(d, at, f->name, "text that is written as bytes");
	*(char **)value = arena_strndup(d->arena, (const char *)s, n);
	return 0;
}

static int decode_bytes(struct decoder *d, const struct place *at, const struct field *f,
			void *value)
{
	const uint8_t *s;
	size_t n;
	if (!cbor_string(&d->text, CBOR_BYTES, &s, &n))
		return refuse_text(d, at, f->name);
	if (f->max && n > f->max)
		return refuse(d, at, f->name, "it is too long");
	struct bytes *b = value;
	if (n)
		b->data = memcpy(arena_alloc(d->arena, n), s, n);
	b->size = n;
	return 0;
}

static int decode_u64s(struct decoder *d, const struct place *at, const struct field *f,
		       void *value)
{
	uint64_t tag;
	const uint8_t *s;
	size_t n;
	if (!cbor_expect(&d->text, CBOR_TAG, &tag) || !cbor_u64s(&d->text, tag, &s, &n))
		return refuse_text(d, at, f->name);
	if (f->max && n > f->max)
		return refuse(d, at, f->name, "it has too many numbers");
	struct u64s *v = value;
	if (n)
		v->v = memcpy(arena_alloc(d->arena, n * sizeof(*v->v)), s, n * sizeof(*v->v));
	v->n = n;
	return 0;
}

static int decode_map(struct decoder *d, const struct place *at, const struct field *fields,
		      void *ret);

static int decode_list(struct decoder *d, const struct place *at, const struct field *f,
		       void *value)
{
	uint64_t n;
	if (!cbor_expect(&d->text, CBOR_ARRAY, &n))
		return refuse_text(d, at, f->name);
	if (f->max && n > f->max)
		return refuse(d, at, f->name, "it has too many elements");
	if (n > cbor_left(&d->text) / map_least(f->fields))
		return refuse(d, at, f->name, "it has more elements than the record has room for");
	size_t bytes;
	if (__builtin_mul_overflow((size_t)n, f->size, &bytes))
		return refuse(d, at, f->name, "it has too many elements");
	char *v = n ? arena_alloc(d->arena, bytes) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct place element = { .up = at, .field = f, .index = i };
		int r = decode_map(d, &element, f->fields, v + i * f->size);
		if (r < 0)
			return r;
	}
	struct list *l = value;
	l->v = v;
	l->n = (size_t)n;
	return 0;
}

static int decode_bool(struct decoder *d, const struct place *at, const struct field *f,
		       void *value)
{
	uint64_t v;
	if (!cbor_expect(&d->text, CBOR_SIMPLE, &v))
		return refuse_text(d, at, f->name);
	*(bool *)value = v == CBOR_TRUE;
	return 0;
}

static int decode_value(struct decoder *d, const struct place *at, const struct field *f,
			void *value)
{
	switch (f->type) {
	case FIELD_BOOL:
		return decode_bool(d, at, f, value);
	case FIELD_I32:
	case FIELD_I64:
		return decode_signed(d, at, f, value);
	case FIELD_U32:
	case FIELD_U64:
		return decode_unsigned(d, at, f, value);
	case FIELD_TEXT:
		return decode_text(d, at, f, value);
	case FIELD_BYTES:
		return decode_bytes(d, at, f, value);
	case FIELD_U64S:
		return decode_u64s(d, at, f, value);
	case FIELD_MAP: {
		struct place inner = { .up = at, .field = f };
		return decode_map(d, &inner, f->fields, value);
	}
	case FIELD_LIST:
		return decode_list(d, at, f, value);
	case FIELD_END:
		break;
	}
	return refuse(d, at, f->name, "its table has a type that does not exist");
}

/* The field of this name, looked for from *from on, where it mostly is; -1: none. */
static int find_field(const struct field *fields, size_t n, size_t from, const uint8_t *key,
		      size_t size)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = (from + i) % n;
		if (strlen(fields[k].name) == size && memcmp(fields[k].name, key, size) == 0)
			return (int)k;
	}
	return -1;
}

static int decode_pair(struct decoder *d, const struct place *at, const struct field *fields,
		       size_t n, size_t *next, bool *seen, void *ret)
{
	const uint8_t *key;
	size_t size;
	char word[40];
	const uint8_t *item = d->text.p;
	if (!cbor_string(&d->text, CBOR_TEXT, &key, &size))
		return refuse_text(d, at, NULL);
	int k = find_field(fields, n, *next, key, size);
	if (k < 0 || seen[k]) {
		d->text.p = item;
		return refuse(d, at, key_word(key, size, word),
			      k < 0 ? "there is no such field" : "it is there twice");
	}
	seen[k] = true;
	*next = (size_t)k + 1;
	return decode_value(d, at, &fields[k], (char *)ret + fields[k].offset);
}

/* ret is zeroed. */
static int decode_map(struct decoder *d, const struct place *at, const struct field *fields,
		      void *ret)
{
	bool seen[MAX_FIELDS] = { false };
	size_t n = 0, next = 0;
	uint64_t pairs;
	while (fields[n].type != FIELD_END)
		if (++n > MAX_FIELDS)
			return refuse(d, at, NULL, "its table has too many fields");
	if (d->depth >= CBOR_MAX_DEPTH)
		return refuse(d, at, NULL, "it is nested too deep");
	if (!cbor_expect(&d->text, CBOR_MAP, &pairs))
		return refuse_text(d, at, NULL);
	d->depth++;
	for (; pairs; pairs--) {
		int r = decode_pair(d, at, fields, n, &next, seen, ret);
		if (r < 0)
			return r;
	}
	d->depth--;
	for (size_t i = 0; i < n; i++)
		if (!seen[i] && !fields[i].optional)
			return refuse(d, at, fields[i].name, "it is missing");
	return 0;
}

/* The size of the struct is not known here, only that of its fields. */
static void clear_fields(const struct field *fields, void *record)
{
	static const size_t sizes[] = {
		[FIELD_BOOL] = sizeof(bool),	      [FIELD_I32] = sizeof(int32_t),
		[FIELD_U32] = sizeof(uint32_t),	      [FIELD_I64] = sizeof(int64_t),
		[FIELD_U64] = sizeof(uint64_t),	      [FIELD_TEXT] = sizeof(char *),
		[FIELD_BYTES] = sizeof(struct bytes), [FIELD_U64S] = sizeof(struct u64s),
		[FIELD_LIST] = sizeof(struct list),
	};
	for (const struct field *f = fields; f->type != FIELD_END; f++) {
		if (f->type == FIELD_MAP)
			clear_fields(f->fields, (char *)record + f->offset);
		else
			memset((char *)record + f->offset, 0, sizes[f->type]);
	}
}

int record_decode(const struct field *fields, const void *data, size_t size, struct arena *arena,
		  void *ret, struct error *err)
{
	struct decoder d = { .text = cbor_over(data, size), .arena = arena, .err = err };
	clear_fields(fields, ret);
	int r = decode_map(&d, NULL, fields, ret);
	if (r < 0)
		return r;
	if (cbor_left(&d.text))
		return refuse(&d, NULL, NULL, "something follows the record");
	return 0;
}
