/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - an image's configuration (OCI image-spec, config.md; docker's is the same). See plan.h. */
#include <errno.h>
#include <string.h>

#include "base/timestamp.h"
#include "image/doc.h"
#include "image/record.h"
#include "image/unpack/plan.h"
#include "image/unpack/platform.h"

struct config_field {
	const char *key;
	int (*read)(struct json_object *o, const char *key, struct arena *a, void *field,
		    struct error *err);
	size_t offset;
};

static int get_string(struct json_object *o, const char *key, struct arena *a, void *field,
		      struct error *err)
{
	return doc_string(o, key, a, field, err);
}

static int get_strings(struct json_object *o, const char *key, struct arena *a, void *field,
		       struct error *err)
{
	return doc_strings(o, key, a, field, err);
}

static int get_keys(struct json_object *o, const char *key, struct arena *a, void *field,
		    struct error *err)
{
	return doc_keys(o, key, a, field, err);
}

static int get_pairs(struct json_object *o, const char *key, struct arena *a, void *field,
		     struct error *err)
{
	return doc_pairs(o, key, a, field, err);
}

static const struct config_field outer_fields[] = {
	{ "created", get_string, offsetof(struct image, created) },
	{ "architecture", get_string, offsetof(struct image, architecture) },
	{ "os", get_string, offsetof(struct image, os) },
};

static const struct config_field inner_fields[] = {
	{ "Env", get_strings, offsetof(struct image, env) },
	{ "Cmd", get_strings, offsetof(struct image, cmd) },
	{ "Entrypoint", get_strings, offsetof(struct image, entrypoint) },
	{ "Volumes", get_keys, offsetof(struct image, volumes) },
	{ "ExposedPorts", get_keys, offsetof(struct image, exposed_ports) },
	{ "User", get_string, offsetof(struct image, user) },
	{ "WorkingDir", get_string, offsetof(struct image, working_dir) },
	{ "StopSignal", get_string, offsetof(struct image, stop_signal) },
	{ "Labels", get_pairs, offsetof(struct image, labels) },
};

static int get_fields(struct json_object *o, const struct config_field *fields, size_t n,
		      struct image *img, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = fields[i].read(o, fields[i].key, &img->arena, (char *)img + fields[i].offset,
				   err);
	return r;
}

static int get_inner(struct json_object *o, struct image *img, struct error *err)
{
	struct json_object *inner = NULL, *list = NULL;

	int r = doc_value(o, "config", json_type_object, &inner, err);
	if (r < 0 || !inner)
		return r;
	r = get_fields(inner, inner_fields, ARRAY_SIZE(inner_fields), img, err);
	if (r < 0)
		return r;
	/* an empty list is not the same as none: it clears what a base image had */
	if (doc_value(inner, "Cmd", json_type_array, &list, err) == 0)
		img->has_cmd = list != NULL;
	list = NULL;
	if (doc_value(inner, "Entrypoint", json_type_array, &list, err) == 0)
		img->has_entrypoint = list != NULL;
	return 0;
}

static int get_diff_ids(struct json_object *o, struct plan *p, struct error *err)
{
	struct json_object *rootfs = NULL;
	struct strings ids = { 0 };

	int r = doc_value(o, "rootfs", json_type_object, &rootfs, err);
	if (r == 0 && rootfs)
		r = doc_strings(rootfs, "diff_ids", &p->image.arena, &ids, err);
	if (r < 0)
		return r;
	if (ids.n != p->n_layers)
		return error_set(err, EBADMSG, "names %zu layers, the manifest %zu", ids.n,
				 p->n_layers);
	for (size_t i = 0; i < ids.n; i++) {
		if (!digest_parse(ids.v[i], &p->layers[i].diff_id))
			return error_set(err, EBADMSG, "diff id %zu (\"%.80s\") is no digest",
					 i + 1, ids.v[i]);
	}
	p->image.layers = ids;
	return 0;
}

static int check_platform(const struct image *img, struct error *err)
{
	if (platform_rank(img->os, img->architecture))
		return 0;
	error_set(err, EOPNOTSUPP, "the image is for %.60s/%.60s, this machine runs linux/%s",
		  img->os ? img->os : "linux", img->architecture ? img->architecture : "?",
		  platform_architecture());
	return error_hint(err, "fetch it for linux/%s", platform_architecture());
}

int config_parse(const char *text, size_t len, const char *id, struct plan *p, struct error *err)
{
	CLEANUP_DOC struct json_object *o = NULL;
	struct image *img = &p->image;
	uint64_t when;

	if (p->n_layers > RECORD_MAX_LAYERS)
		return error_set(err, EFBIG, "has %zu layers, more than %d", p->n_layers,
				 RECORD_MAX_LAYERS);
	int r = doc_read(text, len, json_type_object, &o, err);
	if (r == 0)
		r = get_fields(o, outer_fields, ARRAY_SIZE(outer_fields), img, err);
	if (r == 0)
		r = check_platform(img, err);
	if (r == 0)
		r = get_inner(o, img, err);
	if (r == 0)
		r = get_diff_ids(o, p, err);
	if (r < 0)
		return r;
	if (img->created && timestamp_parse(img->created, &when) < 0)
		img->created = NULL;
	img->id = arena_strdup(&img->arena, id);
	return 0;
}
