/* SPDX-License-Identifier: Apache-2.0 */
/* doc.c - see doc.h. */
#include "image/doc.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"

void doc_cleanup(struct json_object **o)
{
	json_object_put(*o);
	*o = NULL;
}

static int read_tokens(struct json_tokener *tok, const char *text, size_t len,
		       struct json_object **ret, struct error *err)
{
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*ret = json_tokener_parse_ex(tok, text, (int)len);
	enum json_tokener_error e = json_tokener_get_error(tok);
	if (e == json_tokener_continue)
		return error_set(err, EBADMSG, "the JSON text ends too early");
	if (e != json_tokener_success)
		return error_set(err, EBADMSG, "the JSON text is not valid at byte %zu: %s",
				 json_tokener_get_parse_end(tok), json_tokener_error_desc(e));
	size_t end = json_tokener_get_parse_end(tok);
	while (end < len && strchr(" \t\r\n", text[end]))
		end++;
	if (end < len)
		return error_set(err, EBADMSG, "something follows the JSON text at byte %zu", end);
	return 0;
}

int doc_read(const char *text, size_t len, enum json_type type, struct json_object **ret,
	     struct error *err)
{
	CLEANUP_DOC struct json_object *o = NULL;

	if (len > DOC_MAX_SIZE)
		return error_set(err, EFBIG, "the JSON text has %zu bytes, more than %zu", len,
				 DOC_MAX_SIZE);
	if (memchr(text, '\0', len))
		return error_set(err, EBADMSG, "the JSON text holds a NUL byte");
	struct json_tokener *tok = json_tokener_new_ex(DOC_MAX_DEPTH);
	if (!tok)
		return error_sys(err, ENOMEM, "cannot read JSON");
	int r = read_tokens(tok, text, len, &o, err);
	json_tokener_free(tok);
	if (r < 0)
		return r;
	if (!json_object_is_type(o, type))
		return error_set(err, EBADMSG, "is not a JSON %s", json_type_to_name(type));
	*ret = take_ptr(o);
	return 0;
}

int doc_value(struct json_object *o, const char *key, enum json_type type, struct json_object **ret,
	      struct error *err)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !v)
		return 0;
	if (!json_object_is_type(v, type))
		return error_set(err, EBADMSG, "\"%s\" is not of type %s", key,
				 json_type_to_name(type));
	*ret = v;
	return 0;
}

/* The text of a string value, or NULL if it is none or holds a NUL. */
static const char *text_of(struct json_object *v)
{
	if (!json_object_is_type(v, json_type_string))
		return NULL;
	const char *s = json_object_get_string(v);
	return strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}

static int not_text(const char *key, struct error *err)
{
	return error_set(err, EBADMSG, "\"%s\" holds what is not a string, or a string with NUL",
			 key);
}

int doc_string(struct json_object *o, const char *key, struct arena *a, char **ret,
	       struct error *err)
{
	struct json_object *v = NULL;
	int r = doc_value(o, key, json_type_string, &v, err);
	if (r < 0 || !v)
		return r;
	const char *s = text_of(v);
	if (!s)
		return not_text(key, err);
	*ret = arena_strdup(a, s);
	return 0;
}

int doc_u64(struct json_object *o, const char *key, uint64_t *ret, struct error *err)
{
	struct json_object *v = NULL;
	int r = doc_value(o, key, json_type_int, &v, err);
	if (r < 0 || !v)
		return r;
	if (json_object_get_int64(v) < 0)
		return error_set(err, EBADMSG, "\"%s\" is negative", key);
	*ret = json_object_get_uint64(v);
	return 0;
}

int doc_strings(struct json_object *o, const char *key, struct arena *a, struct strings *ret,
		struct error *err)
{
	struct json_object *list = NULL;
	int r = doc_value(o, key, json_type_array, &list, err);
	if (r < 0 || !list)
		return r;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *s = text_of(json_object_array_get_idx(list, i));
		if (!s)
			return not_text(key, err);
		strings_add(a, ret, s);
	}
	return 0;
}

/* Image tools write numbers and booleans as strings in maps; nothing else is taken. */
int doc_pairs(struct json_object *o, const char *key, struct arena *a, struct spec_pairs *ret,
	      struct error *err)
{
	struct json_object *map = NULL;
	int r = doc_value(o, key, json_type_object, &map, err);
	if (r < 0 || !map)
		return r;
	json_object_object_foreach(map, k, v)
	{
		const char *s = v ? text_of(v) : "";
		if (!s)
			return not_text(key, err);
		struct spec_pair *pair = arena_push(a, ret->v, ret->n);
		pair->key = arena_strdup(a, k);
		pair->value = arena_strdup(a, s);
	}
	return 0;
}

int doc_keys(struct json_object *o, const char *key, struct arena *a, struct strings *ret,
	     struct error *err)
{
	struct json_object *map = NULL;
	int r = doc_value(o, key, json_type_object, &map, err);
	if (r < 0 || !map)
		return r;
	json_object_object_foreach(map, k, v)
	{
		(void)v;
		strings_add(a, ret, k);
	}
	return 0;
}
