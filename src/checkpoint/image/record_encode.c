/* SPDX-License-Identifier: Apache-2.0 */
/* record_encode.c - a struct becomes a CBOR map: record.h. Keys are in the order of the table. */
#include <string.h>

#include "checkpoint/image/cbor.h"
#include "checkpoint/image/record.h"

static bool map_is_zero(const struct field *fields, const void *record);

/* Whether an optional field would be left out. */
static bool value_is_zero(const struct field *f, const void *value)
{
	switch (f->type) {
	case FIELD_BOOL:
		return !*(const bool *)value;
	case FIELD_I32:
	case FIELD_U32:
		return *(const uint32_t *)value == 0;
	case FIELD_I64:
	case FIELD_U64:
		return *(const uint64_t *)value == 0;
	case FIELD_TEXT: {
		const char *s = *(char *const *)value;
		return !s || !*s;
	}
	case FIELD_BYTES:
		return ((const struct bytes *)value)->size == 0;
	case FIELD_U64S:
		return ((const struct u64s *)value)->n == 0;
	case FIELD_LIST:
		return ((const struct list *)value)->n == 0;
	case FIELD_MAP:
		return map_is_zero(f->fields, value);
	case FIELD_END:
		break;
	}
	return true;
}

static bool map_is_zero(const struct field *fields, const void *record)
{
	for (const struct field *f = fields; f->type != FIELD_END; f++)
		if (!value_is_zero(f, (const char *)record + f->offset))
			return false;
	return true;
}

static bool is_left_out(const struct field *f, const void *record)
{
	return f->optional && value_is_zero(f, (const char *)record + f->offset);
}

static void encode_list(const struct field *f, const struct list *l, struct buf *out)
{
	cbor_put_head(out, CBOR_ARRAY, l->n);
	for (size_t i = 0; i < l->n; i++)
		record_encode(f->fields, (const char *)l->v + i * f->size, out);
}

static void encode_value(const struct field *f, const void *value, struct buf *out)
{
	switch (f->type) {
	case FIELD_BOOL:
		cbor_put_bool(out, *(const bool *)value);
		break;
	case FIELD_I32:
		cbor_put_int(out, *(const int32_t *)value);
		break;
	case FIELD_U32:
		cbor_put_head(out, CBOR_UINT, *(const uint32_t *)value);
		break;
	case FIELD_I64:
		cbor_put_int(out, *(const int64_t *)value);
		break;
	case FIELD_U64:
		cbor_put_head(out, CBOR_UINT, *(const uint64_t *)value);
		break;
	case FIELD_TEXT: {
		const char *s = *(char *const *)value;
		cbor_put_text(out, s ? s : "", s ? strlen(s) : 0);
		break;
	}
	case FIELD_BYTES: {
		const struct bytes *b = value;
		cbor_put_bytes(out, b->data, b->size);
		break;
	}
	case FIELD_U64S: {
		const struct u64s *v = value;
		cbor_put_u64s(out, v->v, v->n);
		break;
	}
	case FIELD_MAP:
		record_encode(f->fields, value, out);
		break;
	case FIELD_LIST:
		encode_list(f, value, out);
		break;
	case FIELD_END:
		break;
	}
}

void record_encode(const struct field *fields, const void *record, struct buf *out)
{
	uint64_t n = 0;
	for (const struct field *f = fields; f->type != FIELD_END; f++)
		n += !is_left_out(f, record);
	cbor_put_head(out, CBOR_MAP, n);
	for (const struct field *f = fields; f->type != FIELD_END; f++) {
		if (is_left_out(f, record))
			continue;
		cbor_put_head(out, CBOR_TEXT, strlen(f->name));
		buf_puts(out, f->name);
		encode_value(f, (const char *)record + f->offset, out);
	}
}

/* What `max` counts. */
static size_t value_count(const struct field *f, const void *value)
{
	switch (f->type) {
	case FIELD_TEXT: {
		const char *s = *(char *const *)value;
		return s ? strlen(s) : 0;
	}
	case FIELD_BYTES:
		return ((const struct bytes *)value)->size;
	case FIELD_U64S:
		return ((const struct u64s *)value)->n;
	case FIELD_LIST:
		return ((const struct list *)value)->n;
	default:
		return 0;
	}
}

int record_check(const struct field *fields, const void *record, struct error *err)
{
	for (const struct field *f = fields; f->type != FIELD_END; f++) {
		const char *value = (const char *)record + f->offset;
		size_t n = value_count(f, value);
		if (f->max && n > f->max)
			return error_set(err, E2BIG, "field %s has %zu, at most %u can be written",
					 f->name, n, f->max);
		int r = f->type == FIELD_MAP ? record_check(f->fields, value, err) : 0;
		const struct list *l = (const void *)value;
		for (size_t i = 0; r == 0 && f->type == FIELD_LIST && i < l->n; i++)
			r = record_check(f->fields, (const char *)l->v + i * f->size, err);
		if (r < 0)
			return r;
	}
	return 0;
}
