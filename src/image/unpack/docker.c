/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker.c - the archive that `docker save` and `podman save` write: manifest.json names the config and the
 * layers by file; digests are known only where the file names tell them. See plan.h.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "image/doc.h"
#include "image/record.h"
#include "image/unpack/hasher.h"
#include "image/unpack/plan.h"

struct entry {
	char *config;
	struct strings layers, names;
};

static int get_entry(struct json_object *o, struct arena *a, struct entry *e, struct error *err)
{
	*e = (struct entry){ 0 };
	if (!json_object_is_type(o, json_type_object))
		return error_set(err, EBADMSG, "an entry is not an object");
	int r = doc_string(o, "Config", a, &e->config, err);
	if (r == 0)
		r = doc_strings(o, "Layers", a, &e->layers, err);
	if (r == 0)
		r = doc_strings(o, "RepoTags", a, &e->names, err);
	if (r == 0 && !e->config)
		r = error_set(err, EBADMSG, "an entry names no config");
	if (r == 0 && e->layers.n > RECORD_MAX_LAYERS)
		r = error_set(err, EFBIG, "has %zu layers, more than %d", e->layers.n,
			      RECORD_MAX_LAYERS);
	return r;
}

static bool is_wanted(const struct entry *e, const char *name)
{
	for (size_t i = 0; i < e->names.n && name; i++) {
		if (plan_name_matches(e->names.v[i], name))
			return true;
	}
	return false;
}

/* The entry whose name is wanted, or the only one. */
static int choose(struct json_object *list, const char *name, struct arena *a, struct entry *ret,
		  struct error *err)
{
	struct strings names = { 0 };
	size_t n = json_object_array_length(list);

	if (n == 0)
		return error_set(err, EBADMSG, "holds no image: its manifest.json is empty");
	if (n > PLAN_MAX_IMAGES)
		return error_set(err, EFBIG, "holds more than %d images", PLAN_MAX_IMAGES);
	for (size_t i = 0; i < n; i++) {
		int r = get_entry(json_object_array_get_idx(list, i), a, ret, err);
		if (r < 0)
			return r;
		if (n == 1 || is_wanted(ret, name))
			return 0;
		strings_add(a, &names, ret->names.n ? ret->names.v[0] : ret->config);
	}
	return plan_several(&names, err);
}

/* "blobs/sha256/HEX" and "HEX.json" tell what they hold. */
static bool digest_of_file(const char *file, struct digest *ret)
{
	char text[DIGEST_TEXT_SIZE] = "sha256:";
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;

	if (str_has_prefix(file, "blobs/sha512/"))
		strcpy(text, "sha512:");
	size_t len = strcspn(base, ".");
	if ((base[len] && strcmp(base + len, ".json") != 0) || strlen(text) + len >= sizeof(text))
		return false;
	strncat(text, base, len);
	return digest_parse(text, ret);
}

int docker_manifest_parse(const char *text, size_t len, const char *name, struct plan *p,
			  char **ret_config, struct error *err)
{
	CLEANUP_DOC struct json_object *list = NULL;
	struct arena *a = &p->image.arena;
	struct entry e;

	int r = doc_read(text, len, json_type_array, &list, err);
	if (r == 0)
		r = choose(list, name, a, &e, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < e.layers.n; i++) {
		struct plan_layer *layer = arena_push(a, p->layers, p->n_layers);
		layer->file = e.layers.v[i];
		if (str_has_prefix(layer->file, "blobs/") &&
		    !digest_of_file(layer->file, &layer->blob))
			return error_set(err, EBADMSG, "\"%.100s\" is no blob's name", layer->file);
	}
	p->image.names = e.names;
	*ret_config = e.config;
	return 0;
}

static int read_config(const struct source *s, const char *file, struct plan *p, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct digest told, id;

	int r = source_read(s, file, &text, err);
	if (r == -ENOENT)
		r = error_set(err, EBADMSG, "is missing from the archive");
	if (r == 0 && digest_of_file(file, &told))
		r = plan_verify(buf_str(&text), text.len, &told, err);
	if (r == 0 && hasher_digest("sha256", buf_str(&text), text.len, &id) < 0)
		r = error_set(err, EOPNOTSUPP, "cannot compute sha256 digests");
	if (r == 0)
		r = config_parse(buf_str(&text), text.len, id.hex, p, err);
	if (r < 0)
		error_object(err, "%.200s", file);
	return r;
}

int docker_read(const struct source *s, const char *name, struct plan *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	char *config;

	int r = source_read(s, "manifest.json", &text, err);
	if (r == 0)
		r = docker_manifest_parse(buf_str(&text), text.len, name, ret, &config, err);
	if (r < 0) {
		error_object(err, "manifest.json");
		return r;
	}
	return read_config(s, config, ret, err);
}
