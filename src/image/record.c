/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - see record.h. One table of fields serves both directions. */
#include "image/record.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "image/digest.h"
#include "image/doc.h"

struct field_kind {
	struct json_object *(*print)(const void *field); /* NULL: left out */
	int (*parse)(struct json_object *o, const char *key, struct arena *a, void *field,
		     struct error *err);
};

static struct json_object *print_string(const void *field)
{
	const char *s = *(char *const *)field;
	return s ? json_object_new_string(s) : NULL;
}

static int parse_string(struct json_object *o, const char *key, struct arena *a, void *field,
			struct error *err)
{
	return doc_string(o, key, a, field, err);
}

static struct json_object *print_strings(const void *field)
{
	const struct strings *list = field;
	if (list->n == 0)
		return NULL;
	struct json_object *o = json_object_new_array();
	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(o, json_object_new_string(list->v[i]));
	return o;
}

static int parse_strings(struct json_object *o, const char *key, struct arena *a, void *field,
			 struct error *err)
{
	return doc_strings(o, key, a, field, err);
}

static struct json_object *print_pairs(const void *field)
{
	const struct spec_pairs *map = field;
	if (map->n == 0)
		return NULL;
	struct json_object *o = json_object_new_object();
	for (size_t i = 0; i < map->n; i++)
		json_object_object_add(o, map->v[i].key, json_object_new_string(map->v[i].value));
	return o;
}

static int parse_pairs(struct json_object *o, const char *key, struct arena *a, void *field,
		       struct error *err)
{
	return doc_pairs(o, key, a, field, err);
}

static struct json_object *print_u64(const void *field)
{
	return json_object_new_uint64(*(const uint64_t *)field);
}

static int parse_u64_field(struct json_object *o, const char *key, struct arena *a UNUSED,
			   void *field, struct error *err)
{
	return doc_u64(o, key, field, err);
}

static struct json_object *print_sizes(const void *field)
{
	const struct image_sizes *list = field;
	struct json_object *o = json_object_new_array();
	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(o, json_object_new_uint64(list->v[i]));
	return o;
}

static int parse_sizes(struct json_object *o, const char *key, struct arena *a, void *field,
		       struct error *err)
{
	struct image_sizes *sizes = field;
	struct json_object *list = NULL;
	int r = doc_value(o, key, json_type_array, &list, err);
	if (r < 0 || !list)
		return r;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
			return error_set(err, EBADMSG, "\"%s\" holds what is not a size", key);
		*arena_push(a, sizes->v, sizes->n) = json_object_get_uint64(v);
	}
	return 0;
}

static struct json_object *print_bool(const void *field)
{
	return *(const bool *)field ? json_object_new_boolean(1) : NULL;
}

static int parse_bool(struct json_object *o, const char *key, struct arena *a UNUSED, void *field,
		      struct error *err)
{
	struct json_object *v = NULL;
	int r = doc_value(o, key, json_type_boolean, &v, err);
	if (r == 0 && v)
		*(bool *)field = json_object_get_boolean(v);
	return r;
}

static const struct field_kind kind_string = { print_string, parse_string };
static const struct field_kind kind_strings = { print_strings, parse_strings };
static const struct field_kind kind_pairs = { print_pairs, parse_pairs };
static const struct field_kind kind_u64 = { print_u64, parse_u64_field };
static const struct field_kind kind_sizes = { print_sizes, parse_sizes };
static const struct field_kind kind_bool = { print_bool, parse_bool };

#define FIELD(key, kind, member)                                                                   \
	{                                                                                          \
		key, &kind_##kind, offsetof(struct image, member)                                  \
	}

static const struct {
	const char *key;
	const struct field_kind *kind;
	size_t offset;
} fields[] = {
	FIELD("id", string, id),
	FIELD("created", string, created),
	FIELD("imported", string, imported),
	FIELD("architecture", string, architecture),
	FIELD("os", string, os),
	FIELD("size", u64, size),
	FIELD("layers", strings, layers),
	FIELD("layerSizes", sizes, layer_sizes),
	FIELD("env", strings, env),
	FIELD("cmd", strings, cmd),
	FIELD("entrypoint", strings, entrypoint),
	FIELD("hasCmd", bool, has_cmd),
	FIELD("hasEntrypoint", bool, has_entrypoint),
	FIELD("volumes", strings, volumes),
	FIELD("exposedPorts", strings, exposed_ports),
	FIELD("user", string, user),
	FIELD("workingDir", string, working_dir),
	FIELD("stopSignal", string, stop_signal),
	FIELD("labels", pairs, labels),
};

void record_print(const struct image *img, struct buf *out)
{
	CLEANUP_DOC struct json_object *o = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct json_object *v = fields[i].kind->print((const char *)img + fields[i].offset);
		if (v)
			json_object_object_add(o, fields[i].key, v);
	}
	buf_puts(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_putc(out, '\n');
}

static int check(const struct image *img, struct error *err)
{
	struct digest d;

	if (!img->id || !digest_is_hex(img->id, 64))
		return error_set(err, EBADMSG, "the record has no valid id");
	if (img->layers.n > RECORD_MAX_LAYERS || img->layer_sizes.n != img->layers.n)
		return error_set(err, EBADMSG, "the record has %zu layers and %zu layer sizes",
				 img->layers.n, img->layer_sizes.n);
	for (size_t i = 0; i < img->layers.n; i++) {
		if (!digest_parse(img->layers.v[i], &d))
			return error_set(err, EBADMSG, "layer %zu of the record is not a digest",
					 i + 1);
	}
	return 0;
}

int record_parse(const char *text, size_t len, struct image *ret, struct error *err)
{
	CLEANUP_DOC struct json_object *o = NULL;
	CLEANUP_IMAGE struct image img = { 0 };

	int r = doc_read(text, len, json_type_object, &o, err);
	for (size_t i = 0; i < ARRAY_SIZE(fields) && r == 0; i++)
		r = fields[i].kind->parse(o, fields[i].key, &img.arena,
					  (char *)&img + fields[i].offset, err);
	if (r == 0)
		r = check(&img, err);
	if (r < 0)
		return r;
	*ret = img;
	img = (struct image){ 0 };
	return 0;
}
