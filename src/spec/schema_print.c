/* SPDX-License-Identifier: Apache-2.0 */
/* schema_print.c - struct -> JSON text, by the description in schema.h. */
#include "spec/json.h"
#include "spec/schema_rule.h"

static void put_u64(struct buf *out, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);
	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(out, digits + i, sizeof(digits) - i);
}

static void put_i64(struct buf *out, int64_t v)
{
	if (v < 0)
		buf_putc(out, '-');
	put_u64(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_bool(struct buf *out, bool v)
{
	buf_puts(out, v ? "true" : "false");
}

static void put_comma(struct buf *out, size_t i)
{
	if (i)
		buf_putc(out, ',');
}

static void put_strings(struct buf *out, const struct strings *list)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		put_comma(out, i);
		json_put_string(out, list->v[i]);
	}
	buf_putc(out, ']');
}

static void put_pairs(struct buf *out, const struct spec_pairs *map)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < map->n; i++) {
		put_comma(out, i);
		json_put_string(out, map->v[i].key);
		buf_putc(out, ':');
		json_put_string(out, map->v[i].value);
	}
	buf_putc(out, '}');
}

static void put_u32s(struct buf *out, const uint32_t *v, size_t n)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		put_comma(out, i);
		put_u64(out, v[i]);
	}
	buf_putc(out, ']');
}

/* An array of objects, or an object of objects. */
static void put_objects(struct buf *out, const struct schema_field *f, const char *v, size_t n)
{
	bool map = f->kind == SCHEMA_MAP;
	buf_putc(out, map ? '{' : '[');
	for (size_t i = 0; i < n; i++, v += f->element_size) {
		put_comma(out, i);
		if (map) {
			json_put_string(out, CONST_MEMBER(char *, v, f->key_offset));
			buf_putc(out, ':');
		}
		schema_print(f->sub, v, out);
	}
	buf_putc(out, map ? '}' : ']');
}

static void put_value(struct buf *out, const struct schema_field *f, const void *obj)
{
	size_t at = f->offset;
	switch (f->kind) {
	case SCHEMA_BOOL:
		return put_bool(out, CONST_MEMBER(bool, obj, at));
	case SCHEMA_U32:
		return put_u64(out, CONST_MEMBER(uint32_t, obj, at));
	case SCHEMA_U64:
		return put_u64(out, CONST_MEMBER(uint64_t, obj, at));
	case SCHEMA_I64:
		return put_i64(out, CONST_MEMBER(int64_t, obj, at));
	case SCHEMA_OPT_BOOL:
		return put_bool(out, CONST_MEMBER(struct opt_bool, obj, at).v);
	case SCHEMA_OPT_U64:
		return put_u64(out, CONST_MEMBER(struct opt_u64, obj, at).v);
	case SCHEMA_OPT_I64:
		return put_i64(out, CONST_MEMBER(struct opt_i64, obj, at).v);
	case SCHEMA_STRING:
		return json_put_string(out, CONST_MEMBER(char *, obj, at));
	case SCHEMA_STRINGS:
		return put_strings(out, &CONST_MEMBER(struct strings, obj, at));
	case SCHEMA_PAIRS:
		return put_pairs(out, &CONST_MEMBER(struct spec_pairs, obj, at));
	case SCHEMA_U32S:
		return put_u32s(out, CONST_MEMBER(uint32_t *, obj, at),
				CONST_MEMBER(size_t, obj, f->n_offset));
	case SCHEMA_OBJECT:
		return schema_print(f->sub, (const char *)obj + at, out);
	case SCHEMA_OBJECTS:
	case SCHEMA_MAP:
		return put_objects(out, f, CONST_MEMBER(char *, obj, at),
				   CONST_MEMBER(size_t, obj, f->n_offset));
	case SCHEMA_N_KINDS:
		return;
	}
}

void schema_print(const struct schema *s, const void *obj, struct buf *out)
{
	size_t n = 0;
	buf_putc(out, '{');
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		if (!schema_given(f, obj))
			continue;
		put_comma(out, n++);
		json_put_string(out, f->name);
		buf_putc(out, ':');
		put_value(out, f, obj);
	}
	buf_putc(out, '}');
}
