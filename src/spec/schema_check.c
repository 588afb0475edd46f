/* SPDX-License-Identifier: Apache-2.0 */
/* schema_check.c - does a struct keep to its description (schema.h)? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec/json.h"
#include "spec/schema_rule.h"

static int check_object(const struct schema *s, const void *obj, const struct pointer *up,
			struct error *err);

static int check_u64(const struct schema_field *f, uint64_t v, const struct pointer *at,
		     struct error *err)
{
	char found[40];
	if (schema_u64_allowed(f, v))
		return 0;
	(void)snprintf(found, sizeof(found), "the number %" PRIu64, v);
	return schema_wrong(f, at, err, found);
}

static int check_i64(const struct schema_field *f, int64_t v, const struct pointer *at,
		     struct error *err)
{
	char found[40];
	if (schema_i64_allowed(f, v))
		return 0;
	(void)snprintf(found, sizeof(found), "the number %" PRId64, v);
	return schema_wrong(f, at, err, found);
}

static bool is_utf8(const char *s)
{
	const char *end = s + strlen(s);
	while (s < end) {
		size_t n = utf8_length(s, end);
		if (!n)
			return false;
		s += n;
	}
	return true;
}

static int check_utf8(const char *s, const struct pointer *at, struct error *err)
{
	if (is_utf8(s))
		return 0;
	(void)error_set(err, EINVAL, "bytes that are not UTF-8, which JSON cannot hold");
	pointer_error(at, err);
	return -EINVAL;
}

static int check_string(const struct schema_field *f, const char *s, const struct pointer *at,
			struct error *err)
{
	char quote[SCHEMA_QUOTE], found[SCHEMA_QUOTE + 16];
	int r = check_utf8(s, at, err);
	if (r < 0 || schema_string_allowed(f, s))
		return r;
	(void)snprintf(found, sizeof(found), "the string %s", json_quote(s, quote, sizeof(quote)));
	return schema_wrong(f, at, err, found);
}

static int check_strings(const struct schema_field *f, const struct strings *list,
			 const struct pointer *up, struct error *err)
{
	struct pointer at = { .up = up };
	int r = 0;
	for (; !r && at.index < list->n; at.index++)
		r = check_string(f, list->v[at.index], &at, err);
	return r;
}

static int check_pairs(const struct spec_pairs *map, const struct pointer *up, struct error *err)
{
	int r = 0;
	for (size_t i = 0; !r && i < map->n; i++) {
		struct pointer at = { .up = up, .key = map->v[i].key };
		r = check_utf8(map->v[i].key, &at, err);
		if (!r)
			r = check_utf8(map->v[i].value, &at, err);
	}
	return r;
}

static int check_u32s(const struct schema_field *f, const uint32_t *v, size_t n,
		      const struct pointer *up, struct error *err)
{
	struct pointer at = { .up = up };
	int r = 0;
	for (; !r && at.index < n; at.index++)
		r = check_u64(f, v[at.index], &at, err);
	return r;
}

static int check_objects(const struct schema_field *f, const char *v, size_t n,
			 const struct pointer *up, struct error *err)
{
	int r = 0;
	for (size_t i = 0; !r && i < n; i++, v += f->element_size) {
		struct pointer at = { .up = up, .index = i };
		if (f->kind == SCHEMA_MAP) {
			at.key = CONST_MEMBER(char *, v, f->key_offset);
			r = check_utf8(at.key, &at, err);
		}
		if (!r)
			r = check_object(f->sub, v, &at, err);
	}
	return r;
}

static int check_value(const struct schema_field *f, const void *obj, const struct pointer *at,
		       struct error *err)
{
	size_t o = f->offset;
	switch (f->kind) {
	case SCHEMA_U32:
		return check_u64(f, CONST_MEMBER(uint32_t, obj, o), at, err);
	case SCHEMA_U64:
		return check_u64(f, CONST_MEMBER(uint64_t, obj, o), at, err);
	case SCHEMA_I64:
		return check_i64(f, CONST_MEMBER(int64_t, obj, o), at, err);
	case SCHEMA_OPT_U64:
		return check_u64(f, CONST_MEMBER(struct opt_u64, obj, o).v, at, err);
	case SCHEMA_OPT_I64:
		return check_i64(f, CONST_MEMBER(struct opt_i64, obj, o).v, at, err);
	case SCHEMA_STRING:
		return check_string(f, CONST_MEMBER(char *, obj, o), at, err);
	case SCHEMA_STRINGS:
		return check_strings(f, &CONST_MEMBER(struct strings, obj, o), at, err);
	case SCHEMA_PAIRS:
		return check_pairs(&CONST_MEMBER(struct spec_pairs, obj, o), at, err);
	case SCHEMA_U32S:
		return check_u32s(f, CONST_MEMBER(uint32_t *, obj, o),
				  CONST_MEMBER(size_t, obj, f->n_offset), at, err);
	case SCHEMA_OBJECT:
		return check_object(f->sub, (const char *)obj + o, at, err);
	case SCHEMA_OBJECTS:
	case SCHEMA_MAP:
		return check_objects(f, CONST_MEMBER(char *, obj, o),
				     CONST_MEMBER(size_t, obj, f->n_offset), at, err);
	case SCHEMA_BOOL:
	case SCHEMA_OPT_BOOL:
	case SCHEMA_N_KINDS:
		break;
	}
	return 0;
}

static int check_object(const struct schema *s, const void *obj, const struct pointer *up,
			struct error *err)
{
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		struct pointer at = { .up = up, .key = f->name };
		if (schema_given(f, obj)) {
			int r = check_value(f, obj, &at, err);
			if (r < 0)
				return r;
		} else if (f->flags & SCHEMA_REQUIRED && f->kind > SCHEMA_I64) {
			return schema_missing(f, up, err);
		}
	}
	return 0;
}

int schema_check(const struct schema *s, const void *obj, struct error *err)
{
	return check_object(s, obj, NULL, err);
}
