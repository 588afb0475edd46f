/* SPDX-License-Identifier: Apache-2.0 */
/* schema_rule.c - see schema_rule.h. */
#include "spec/schema_rule.h"

#include <inttypes.h>
#include <string.h>

/* The range of the C type, where the field names none. */
static void range_of(const struct schema_field *f, int64_t *min, uint64_t *max)
{
	bool is_signed = f->kind == SCHEMA_I64 || f->kind == SCHEMA_OPT_I64;
	bool is_u32 = f->kind == SCHEMA_U32 || f->kind == SCHEMA_U32S;
	*min = f->min;
	*max = f->max;
	if (!f->min && !f->max) {
		*min = is_signed ? INT64_MIN : 0;
		*max = is_signed ? INT64_MAX : is_u32 ? UINT32_MAX : UINT64_MAX;
	}
}

bool schema_u64_allowed(const struct schema_field *f, uint64_t v)
{
	int64_t min;
	uint64_t max;
	range_of(f, &min, &max);
	return (min <= 0 || v >= (uint64_t)min) && v <= max;
}

bool schema_i64_allowed(const struct schema_field *f, int64_t v)
{
	int64_t min;
	uint64_t max;
	range_of(f, &min, &max);
	return v >= min && (v < 0 || (uint64_t)v <= max);
}

bool schema_string_allowed(const struct schema_field *f, const char *s)
{
	if (!f->choices)
		return true;
	for (const char *const *c = f->choices; *c; c++)
		if (!strcmp(*c, s))
			return true;
	return false;
}

static bool any_given(const struct schema *s, const void *obj)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (schema_given(&s->fields[i], obj))
			return true;
	return false;
}

static bool string_given(const struct schema_field *f, const char *s)
{
	return s && (*s || f->flags & SCHEMA_EMPTY);
}

bool schema_given(const struct schema_field *f, const void *obj)
{
	bool always = f->flags & (SCHEMA_ALWAYS | SCHEMA_REQUIRED);
	switch (f->kind) {
	case SCHEMA_BOOL:
		return always || CONST_MEMBER(bool, obj, f->offset);
	case SCHEMA_U32:
		return always || CONST_MEMBER(uint32_t, obj, f->offset);
	case SCHEMA_U64:
		return always || CONST_MEMBER(uint64_t, obj, f->offset);
	case SCHEMA_I64:
		return always || CONST_MEMBER(int64_t, obj, f->offset);
	case SCHEMA_OPT_BOOL:
		return CONST_MEMBER(struct opt_bool, obj, f->offset).set;
	case SCHEMA_OPT_U64:
		return CONST_MEMBER(struct opt_u64, obj, f->offset).set;
	case SCHEMA_OPT_I64:
		return CONST_MEMBER(struct opt_i64, obj, f->offset).set;
	case SCHEMA_STRING:
		return string_given(f, CONST_MEMBER(char *, obj, f->offset));
	case SCHEMA_STRINGS:
		return CONST_MEMBER(struct strings, obj, f->offset).n;
	case SCHEMA_PAIRS:
		return CONST_MEMBER(struct spec_pairs, obj, f->offset).n;
	case SCHEMA_U32S:
	case SCHEMA_OBJECTS:
	case SCHEMA_MAP:
		return CONST_MEMBER(size_t, obj, f->n_offset);
	case SCHEMA_OBJECT:
		if (f->flags & SCHEMA_HAS)
			return CONST_MEMBER(bool, obj, f->has_offset);
		return any_given(f->sub, (const char *)obj + f->offset);
	case SCHEMA_N_KINDS:
		break;
	}
	return false;
}

static void put_range(const struct schema_field *f, struct buf *out)
{
	int64_t min;
	uint64_t max;
	range_of(f, &min, &max);
	buf_printf(out, "a whole number from %" PRId64 " to %" PRIu64, min, max);
}

static void put_choices(const struct schema_field *f, struct buf *out)
{
	buf_puts(out, f->choices[1] ? "one of " : "");
	for (const char *const *c = f->choices; *c; c++)
		buf_printf(out, "%s\"%s\"", c == f->choices ? "" : ", ", *c);
}

static void put_expected(const struct schema_field *f, struct buf *out)
{
	static const char *const kinds[SCHEMA_N_KINDS] = {
		[SCHEMA_BOOL] = "true or false", [SCHEMA_OPT_BOOL] = "true or false",
		[SCHEMA_STRING] = "a string",	 [SCHEMA_STRINGS] = "a string",
		[SCHEMA_PAIRS] = "a string",	 [SCHEMA_OBJECT] = "an object",
		[SCHEMA_OBJECTS] = "an object",	 [SCHEMA_MAP] = "an object",
	};
	if (f->choices)
		put_choices(f, out);
	else if (kinds[f->kind])
		buf_puts(out, kinds[f->kind]);
	else
		put_range(f, out);
}

int schema_wrong(const struct schema_field *f, const struct pointer *at, struct error *err,
		 const char *found)
{
	CLEANUP_BUF struct buf expected = BUF_INIT;
	put_expected(f, &expected);
	(void)error_set(err, EINVAL, "found %s, expected %s", found, buf_str(&expected));
	pointer_error(at, err);
	if (f->hint)
		(void)error_hint(err, "%s", f->hint);
	return -EINVAL;
}

int schema_missing(const struct schema_field *f, const struct pointer *at, struct error *err)
{
	(void)error_set(err, EINVAL, "\"%s\" is missing here", f->name);
	pointer_error(at, err);
	return -EINVAL;
}
