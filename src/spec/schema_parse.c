/* SPDX-License-Identifier: Apache-2.0 */
/* schema_parse.c - JSON text -> struct, by the description in schema.h. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "spec/json.h"
#include "spec/schema_rule.h"

struct reader {
	struct arena *arena;
	struct error *err;
};

/* One value for one field of obj. */
typedef int read_fn(struct reader *r, const struct schema_field *f, struct json_object *v,
		    void *obj, const struct pointer *at);

static int read_object(struct reader *r, const struct schema *s, struct json_object *v, void *obj,
		       const struct pointer *at);

static void tree_cleanup(struct json_object **v)
{
	json_object_put(*v);
}

/* "found the string "512m"" */
static int wrong(struct reader *r, const struct schema_field *f, struct json_object *v,
		 const struct pointer *at)
{
	char quote[SCHEMA_QUOTE], found[SCHEMA_QUOTE + 16];
	enum json_type type = json_object_get_type(v);
	switch (type) {
	case json_type_null:
	case json_type_boolean:
		(void)snprintf(found, sizeof(found), "%s",
			       !v			    ? "null"
			       : json_object_get_boolean(v) ? "true"
							    : "false");
		break;
	case json_type_string:
		(void)snprintf(found, sizeof(found), "the string %s",
			       json_quote(json_object_get_string(v), quote, sizeof(quote)));
		break;
	case json_type_int:
	case json_type_double:
		(void)snprintf(found, sizeof(found), "the number %.60s", json_object_get_string(v));
		break;
	case json_type_array:
	case json_type_object:
		(void)snprintf(found, sizeof(found), "an %s", json_type_to_name(type));
		break;
	}
	return schema_wrong(f, at, r->err, found);
}

static int get_u64(struct reader *r, const struct schema_field *f, struct json_object *v,
		   const struct pointer *at, uint64_t *ret)
{
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0 ||
	    !schema_u64_allowed(f, json_object_get_uint64(v)))
		return wrong(r, f, v, at);
	*ret = json_object_get_uint64(v);
	return 0;
}

static int get_i64(struct reader *r, const struct schema_field *f, struct json_object *v,
		   const struct pointer *at, int64_t *ret)
{
	/* json-c clamps what is above INT64_MAX; the unsigned view tells. */
	if (!json_object_is_type(v, json_type_int) || json_object_get_uint64(v) > INT64_MAX ||
	    !schema_i64_allowed(f, json_object_get_int64(v)))
		return wrong(r, f, v, at);
	*ret = json_object_get_int64(v);
	return 0;
}

static int get_bool(struct reader *r, const struct schema_field *f, struct json_object *v,
		    const struct pointer *at, bool *ret)
{
	if (!json_object_is_type(v, json_type_boolean))
		return wrong(r, f, v, at);
	*ret = json_object_get_boolean(v);
	return 0;
}

static int get_string(struct reader *r, const struct schema_field *f, struct json_object *v,
		      const struct pointer *at, char **ret)
{
	if (!json_object_is_type(v, json_type_string))
		return wrong(r, f, v, at);
	*ret = arena_strndup(r->arena, json_object_get_string(v),
			     (size_t)json_object_get_string_len(v));
	return 0;
}

static int read_bool(struct reader *r, const struct schema_field *f, struct json_object *v,
		     void *obj, const struct pointer *at)
{
	return get_bool(r, f, v, at, &MEMBER(bool, obj, f->offset));
}

static int read_u32(struct reader *r, const struct schema_field *f, struct json_object *v,
		    void *obj, const struct pointer *at)
{
	uint64_t u;
	int e = get_u64(r, f, v, at, &u);
	if (!e)
		MEMBER(uint32_t, obj, f->offset) = (uint32_t)u;
	return e;
}

static int read_u64(struct reader *r, const struct schema_field *f, struct json_object *v,
		    void *obj, const struct pointer *at)
{
	return get_u64(r, f, v, at, &MEMBER(uint64_t, obj, f->offset));
}

static int read_i64(struct reader *r, const struct schema_field *f, struct json_object *v,
		    void *obj, const struct pointer *at)
{
	return get_i64(r, f, v, at, &MEMBER(int64_t, obj, f->offset));
}

static int read_opt_bool(struct reader *r, const struct schema_field *f, struct json_object *v,
			 void *obj, const struct pointer *at)
{
	struct opt_bool *o = &MEMBER(struct opt_bool, obj, f->offset);
	o->set = true;
	return get_bool(r, f, v, at, &o->v);
}

static int read_opt_u64(struct reader *r, const struct schema_field *f, struct json_object *v,
			void *obj, const struct pointer *at)
{
	struct opt_u64 *o = &MEMBER(struct opt_u64, obj, f->offset);
	o->set = true;
	return get_u64(r, f, v, at, &o->v);
}

static int read_opt_i64(struct reader *r, const struct schema_field *f, struct json_object *v,
			void *obj, const struct pointer *at)
{
	struct opt_i64 *o = &MEMBER(struct opt_i64, obj, f->offset);
	o->set = true;
	return get_i64(r, f, v, at, &o->v);
}

static int read_string(struct reader *r, const struct schema_field *f, struct json_object *v,
		       void *obj, const struct pointer *at)
{
	char *s;
	int e = get_string(r, f, v, at, &s);
	if (e < 0)
		return e;
	bool none = !*s && !(f->flags & SCHEMA_EMPTY);
	if (!none && !schema_string_allowed(f, s))
		return wrong(r, f, v, at);
	MEMBER(char *, obj, f->offset) = none ? NULL : s;
	return 0;
}

/* An array was expected. */
static int wrong_array(struct reader *r, const struct schema_field *f, struct json_object *v,
		       const struct pointer *at)
{
	(void)wrong(r, f, v, at);
	(void)error_hint(r->err, "\"%s\" is an array of such values: [...]", f->name);
	return -EINVAL;
}

static int read_strings(struct reader *r, const struct schema_field *f, struct json_object *v,
			void *obj, const struct pointer *up)
{
	if (!json_object_is_type(v, json_type_array))
		return wrong_array(r, f, v, up);
	struct strings *list = &MEMBER(struct strings, obj, f->offset);
	*list = (struct strings){ 0 };
	struct pointer at = { .up = up };
	for (size_t n = json_object_array_length(v); at.index < n; at.index++) {
		struct json_object *element = json_object_array_get_idx(v, at.index);
		char *s;
		int e = get_string(r, f, element, &at, &s);
		if (e < 0)
			return e;
		if (!schema_string_allowed(f, s))
			return wrong(r, f, element, &at);
		*arena_push(r->arena, list->v, list->n) = s;
	}
	return 0;
}

static int read_pairs(struct reader *r, const struct schema_field *f, struct json_object *v,
		      void *obj, const struct pointer *up)
{
	if (!json_object_is_type(v, json_type_object)) {
		(void)wrong(r, f, v, up);
		(void)error_hint(r->err, "\"%s\" is an object of strings: {\"name\": \"value\"}",
				 f->name);
		return -EINVAL;
	}
	struct spec_pairs *map = &MEMBER(struct spec_pairs, obj, f->offset);
	*map = (struct spec_pairs){ 0 };
	json_object_object_foreach(v, key, element)
	{
		struct pointer at = { .up = up, .key = key };
		char *value;
		int e = get_string(r, f, element, &at, &value);
		if (e < 0)
			return e;
		/* Not pairs_set(): that keys are unique is known already. */
		struct spec_pair *pair = arena_push(r->arena, map->v, map->n);
		*pair = (struct spec_pair){ arena_strdup(r->arena, key), value };
	}
	return 0;
}

static int read_u32s(struct reader *r, const struct schema_field *f, struct json_object *v,
		     void *obj, const struct pointer *up)
{
	if (!json_object_is_type(v, json_type_array))
		return wrong_array(r, f, v, up);
	uint32_t **list = &MEMBER(uint32_t *, obj, f->offset);
	size_t *n = &MEMBER(size_t, obj, f->n_offset);
	*list = NULL;
	*n = 0;
	struct pointer at = { .up = up };
	for (size_t end = json_object_array_length(v); at.index < end; at.index++) {
		uint64_t u;
		int e = get_u64(r, f, json_object_array_get_idx(v, at.index), &at, &u);
		if (e < 0)
			return e;
		*arena_push(r->arena, *list, *n) = (uint32_t)u;
	}
	return 0;
}

static int read_sub(struct reader *r, const struct schema_field *f, struct json_object *v,
		    void *obj, const struct pointer *at)
{
	if (!json_object_is_type(v, json_type_object))
		return wrong(r, f, v, at);
	if (f->flags & SCHEMA_HAS)
		MEMBER(bool, obj, f->has_offset) = true;
	return read_object(r, f->sub, v, (char *)obj + f->offset, at);
}

/* Appends an element to the array of structs that f describes. */
static void *push_element(struct reader *r, const struct schema_field *f, void *obj)
{
	return arena_grow(r->arena, (char *)obj + f->offset, &MEMBER(size_t, obj, f->n_offset),
			  f->element_size);
}

static void clear_elements(const struct schema_field *f, void *obj)
{
	memset((char *)obj + f->offset, 0, sizeof(void *));
	MEMBER(size_t, obj, f->n_offset) = 0;
}

static int read_objects(struct reader *r, const struct schema_field *f, struct json_object *v,
			void *obj, const struct pointer *up)
{
	if (!json_object_is_type(v, json_type_array))
		return wrong_array(r, f, v, up);
	clear_elements(f, obj);
	struct pointer at = { .up = up };
	for (size_t n = json_object_array_length(v); at.index < n; at.index++) {
		struct json_object *element = json_object_array_get_idx(v, at.index);
		if (!json_object_is_type(element, json_type_object))
			return wrong(r, f, element, &at);
		int e = read_object(r, f->sub, element, push_element(r, f, obj), &at);
		if (e < 0)
			return e;
	}
	return 0;
}

static int read_map(struct reader *r, const struct schema_field *f, struct json_object *v,
		    void *obj, const struct pointer *up)
{
	if (!json_object_is_type(v, json_type_object))
		return wrong(r, f, v, up);
	clear_elements(f, obj);
	json_object_object_foreach(v, key, element)
	{
		struct pointer at = { .up = up, .key = key };
		if (!json_object_is_type(element, json_type_object))
			return wrong(r, f, element, &at);
		void *to = push_element(r, f, obj);
		MEMBER(char *, to, f->key_offset) = arena_strdup(r->arena, key);
		int e = read_object(r, f->sub, element, to, &at);
		if (e < 0)
			return e;
	}
	return 0;
}

static read_fn *const readers[SCHEMA_N_KINDS] = {
	[SCHEMA_BOOL] = read_bool,	   [SCHEMA_U32] = read_u32,
	[SCHEMA_U64] = read_u64,	   [SCHEMA_I64] = read_i64,
	[SCHEMA_OPT_BOOL] = read_opt_bool, [SCHEMA_OPT_U64] = read_opt_u64,
	[SCHEMA_OPT_I64] = read_opt_i64,   [SCHEMA_STRING] = read_string,
	[SCHEMA_STRINGS] = read_strings,   [SCHEMA_PAIRS] = read_pairs,
	[SCHEMA_U32S] = read_u32s,	   [SCHEMA_OBJECT] = read_sub,
	[SCHEMA_OBJECTS] = read_objects,   [SCHEMA_MAP] = read_map,
};

static const struct schema_field *field_find(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (!strcmp(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

/* A plain number or bool is given when its key is there; anything else when it is not empty. */
static bool required_given(const struct schema_field *f, struct json_object *v, const void *obj)
{
	struct json_object *member;
	if (!json_object_object_get_ex(v, f->name, &member) || !member)
		return false;
	return f->kind <= SCHEMA_I64 || schema_given(f, obj);
}

static int read_object(struct reader *r, const struct schema *s, struct json_object *v, void *obj,
		       const struct pointer *up)
{
	json_object_object_foreach(v, key, member)
	{
		struct pointer at = { .up = up, .key = key };
		const struct schema_field *f = field_find(s, key);
		if (!f && s->closed) {
			(void)error_set(r->err, EINVAL, "nothing of this name is known here");
			pointer_error(&at, r->err);
			return -EINVAL;
		}
		if (!f || !member) /* null is "not given" */
			continue;
		int e = readers[f->kind](r, f, member, obj, &at);
		if (e < 0)
			return e;
	}
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i].flags & SCHEMA_REQUIRED && !required_given(&s->fields[i], v, obj))
			return schema_missing(&s->fields[i], up, r->err);
	return 0;
}

int schema_parse(const struct schema *s, const char *json, size_t size, struct arena *a, void *ret,
		 struct error *err)
{
	__attribute__((cleanup(tree_cleanup))) struct json_object *tree = NULL;
	int e = json_read(json, size, &tree, err);
	if (e < 0)
		return e;
	struct reader r = { .arena = a, .err = err };
	return read_object(&r, s, tree, ret, NULL);
}
