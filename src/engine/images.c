/* SPDX-License-Identifier: Apache-2.0 */
/* images.c - the image store through contexe.h. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/parse.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "image/store.h"
#include "spec/schema.h"

int contexe_image_import(struct contexe *cx, const char *path, const char *name,
			 contexe_progress_fn *progress, void *arg, char **ret_id,
			 struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	CLEANUP_STR char *store = root_path(cx->root, "images");
	int r = image_import(store, path, name, progress, arg, ret_id, err);
	if (r < 0)
		return error_what(err, "cannot import the image");
	event_write(cx->root, "import", name ? name : "", 0, *ret_id, NULL);
	return 0;
}

static char *words(const struct strings *s)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < s->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", s->v[i]);
	return buf_take(&b);
}

int contexe_image_list(struct contexe *cx, struct contexe_image **ret, size_t *ret_n,
		       struct contexe_error *public_err)
{
	CLEANUP_STR char *store = root_path(cx->root, "images");
	struct image *images = NULL;
	size_t n = 0;
	int r = image_list(store, &images, &n, api_error(public_err));
	if (r < 0)
		return r;
	struct contexe_image *out = xcalloc(n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct contexe_image){
			.id = xstrdup(images[i].id),
			.names = words(&images[i].names),
			.created = xstrdup(images[i].created ? images[i].created : ""),
			.imported = xstrdup(images[i].imported ? images[i].imported : ""),
			.architecture =
				xstrdup(images[i].architecture ? images[i].architecture : ""),
			.size = images[i].size,
			.layers = (unsigned)images[i].layers.n,
		};
		image_done(&images[i]);
	}
	free(images);
	*ret = out;
	*ret_n = n;
	return 0;
}

void contexe_image_free(struct contexe_image *images, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(images[i].id);
		free(images[i].names);
		free(images[i].created);
		free(images[i].imported);
		free(images[i].architecture);
	}
	free(images);
}

struct use {
	const char *id;
	bool found;
};

static int uses(void *arg, struct container *c)
{
	struct use *u = arg;
	struct spec CLEANUP_SPEC spec = { 0 };
	if (container_spec(c, &spec, NULL) == 0 && str_eq(spec.contexe.image_id, u->id))
		u->found = true;
	return u->found;
}

static bool in_use(void *arg, const char *id)
{
	struct use u = { .id = id };
	return container_each(arg, uses, &u) != 0 && u.found;
}

int contexe_image_remove(struct contexe *cx, const char *ref, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	CLEANUP_STR char *store = root_path(cx->root, "images");
	int r = image_remove(store, ref, in_use, cx->root, err);
	if (r < 0)
		return error_what(err, "cannot remove the image");
	event_write(cx->root, "untag", "", 0, NULL, NULL);
	return 0;
}

static const struct schema_field fields[] = {
	SCHEMA_FIELD(STRING, struct image, id, "id"),
	SCHEMA_FIELD(STRINGS, struct image, names, "names"),
	SCHEMA_FIELD(STRING, struct image, created, "created"),
	SCHEMA_FIELD(STRING, struct image, imported, "imported"),
	SCHEMA_FIELD(STRING, struct image, architecture, "architecture"),
	SCHEMA_FIELD(STRING, struct image, os, "os"),
	SCHEMA_FIELD(U64, struct image, size, "size"),
	SCHEMA_FIELD(STRINGS, struct image, layers, "layers"),
	SCHEMA_FIELD(STRINGS, struct image, entrypoint, "entrypoint"),
	SCHEMA_FIELD(STRINGS, struct image, cmd, "cmd"),
	SCHEMA_FIELD(STRINGS, struct image, env, "env"),
	SCHEMA_FIELD(STRING, struct image, user, "user"),
	SCHEMA_FIELD(STRING, struct image, working_dir, "workingDir"),
	SCHEMA_FIELD(STRING, struct image, stop_signal, "stopSignal"),
	SCHEMA_FIELD(STRINGS, struct image, volumes, "volumes"),
	SCHEMA_FIELD(STRINGS, struct image, exposed_ports, "exposedPorts"),
	SCHEMA_FIELD(PAIRS, struct image, labels, "labels"),
};
static const struct schema schema = SCHEMA(struct image, fields);

int contexe_image_inspect(struct contexe *cx, const char *ref, char **ret_json,
			  struct contexe_error *err)
{
	struct image img CLEANUP_IMAGE = { 0 };
	CLEANUP_STR char *store = root_path(cx->root, "images");
	int r = image_find(store, ref, &img, api_error(err));
	if (r < 0)
		return r;
	struct buf out = BUF_INIT;
	schema_print(&schema, &img, &out);
	*ret_json = buf_take(&out);
	return 0;
}
