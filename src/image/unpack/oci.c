/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci.c - the OCI image layout (OCI image-spec: image-layout.md, image-index.md, manifest.md). See plan.h.
 * An index may name further indexes; what is for another platform is left aside.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "image/doc.h"
#include "image/record.h"
#include "image/unpack/plan.h"
#include "image/unpack/platform.h"

#define MAX_NESTING 4

enum media {
	MEDIA_UNKNOWN,
	MEDIA_INDEX,
	MEDIA_MANIFEST,
	MEDIA_CONFIG,
	MEDIA_LAYER,
	MEDIA_FOREIGN, /* a layer that the archive need not hold */
};

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

/* How a layer is compressed is told by its first bytes, and that it is right by its diff id. */
static const struct {
	const char *type;
	enum media media;
} media_types[] = {
	{ OCI "index.v1+json", MEDIA_INDEX },
	{ DOCKER "distribution.manifest.list.v2+json", MEDIA_INDEX },
	{ OCI "manifest.v1+json", MEDIA_MANIFEST },
	{ DOCKER "distribution.manifest.v2+json", MEDIA_MANIFEST },
	{ OCI "config.v1+json", MEDIA_CONFIG },
	{ DOCKER "container.image.v1+json", MEDIA_CONFIG },
	{ OCI "layer.v1.tar", MEDIA_LAYER },
	{ OCI "layer.v1.tar+gzip", MEDIA_LAYER },
	{ OCI "layer.v1.tar+zstd", MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar", MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar.gzip", MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar.zstd", MEDIA_LAYER },
	{ OCI "layer.nondistributable.v1.tar", MEDIA_FOREIGN },
	{ OCI "layer.nondistributable.v1.tar+gzip", MEDIA_FOREIGN },
	{ OCI "layer.nondistributable.v1.tar+zstd", MEDIA_FOREIGN },
	{ DOCKER "image.rootfs.foreign.diff.tar", MEDIA_FOREIGN },
	{ DOCKER "image.rootfs.foreign.diff.tar.gzip", MEDIA_FOREIGN },
};

static enum media media_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++) {
		if (str_eq(type, media_types[i].type))
			return media_types[i].media;
	}
	return MEDIA_UNKNOWN;
}

/* descriptor.md */
struct descriptor {
	char *type;
	struct digest digest;
	uint64_t size;
	char *os, *architecture; /* of its platform; NULL: not said */
	char *name;		 /* of its annotations */
};

static int get_descriptor(struct json_object *o, struct arena *a, struct descriptor *d,
			  struct error *err)
{
	struct json_object *platform = NULL, *notes = NULL;
	char *digest = NULL;

	*d = (struct descriptor){ .size = UINT64_MAX };
	if (!json_object_is_type(o, json_type_object))
		return error_set(err, EBADMSG, "a descriptor is not an object");
	int r = doc_string(o, "mediaType", a, &d->type, err);
	if (r == 0)
		r = doc_string(o, "digest", a, &digest, err);
	if (r == 0)
		r = doc_u64(o, "size", &d->size, err);
	if (r == 0)
		r = doc_value(o, "platform", json_type_object, &platform, err);
	if (r == 0 && platform)
		r = doc_string(platform, "os", a, &d->os, err);
	if (r == 0 && platform)
		r = doc_string(platform, "architecture", a, &d->architecture, err);
	if (r == 0)
		r = doc_value(o, "annotations", json_type_object, &notes, err);
	if (r == 0 && notes)
		r = doc_string(notes, "org.opencontainers.image.ref.name", a, &d->name, err);
	if (r == 0 && notes) /* the whole name, where the one before is but a tag */
		r = doc_string(notes, "io.containerd.image.name", a, &d->name, err);
	if (r < 0)
		return r;
	if (!digest_parse(digest, &d->digest))
		return error_set(err, EBADMSG, "\"%.80s\" is not a digest that is known",
				 digest ? digest : "");
	if (d->size == UINT64_MAX)
		return error_set(err, EBADMSG, "the descriptor of %.80s has no size", digest);
	return 0;
}

static const char *blob_file(const struct digest *d, char *buf, size_t size)
{
	(void)snprintf(buf, size, "blobs/%s/%s", d->algorithm, d->hex);
	return buf;
}

/* Reads a document that a descriptor names, and verifies it. */
static int read_document(const struct source *s, const struct descriptor *d, struct buf *text,
			 struct error *err)
{
	char file[DIGEST_TEXT_SIZE + 8];
	blob_file(&d->digest, file, sizeof(file));
	int r = source_read(s, file, text, err);
	if (r == -ENOENT)
		r = error_set(err, EBADMSG, "is missing from the image");
	else if (r == 0 && text->len != d->size)
		r = error_set(err, EBADMSG, "has %zu bytes, its descriptor says %" PRIu64,
			      text->len, d->size);
	else if (r == 0)
		r = plan_verify(buf_str(text), text->len, &d->digest, err);
	if (r < 0)
		error_object(err, "%s", file);
	return r;
}

/* ---- from the index to one manifest ---- */

struct choice {
	const struct source *source;
	struct arena *arena;
	struct descriptor *found; /* manifests for this machine, one for each name */
	size_t n_found;
	struct buf others; /* the platforms that are not this machine's */
};

static void add_other(struct choice *c, const struct descriptor *d)
{
	char platform[140];
	(void)snprintf(platform, sizeof(platform), "%.60s/%.60s", d->os ? d->os : "linux",
		       d->architecture ? d->architecture : "?");
	/* "unknown/unknown" are a build tool's attestations */
	if (strcmp(platform, "unknown/unknown") == 0 || strstr(buf_str(&c->others), platform) ||
	    c->others.len > 300)
		return;
	buf_printf(&c->others, "%s%s", c->others.len ? ", " : "", platform);
}

static int collect(struct choice *c, const char *text, size_t len, const char *name, int depth,
		   struct error *err);

static int collect_nested(struct choice *c, const struct descriptor *d, const char *name, int depth,
			  struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	if (depth == MAX_NESTING)
		return error_set(err, EBADMSG, "indexes are nested more than %d deep", MAX_NESTING);
	int r = read_document(c->source, d, &text, err);
	return r < 0 ? r : collect(c, buf_str(&text), text.len, name, depth + 1, err);
}

/* One name is one image; of several manifests under it, for as many platforms, the one that suits this
 * machine best. */
static int add_found(struct choice *c, const struct descriptor *d, struct error *err)
{
	for (size_t i = 0; i < c->n_found; i++) {
		struct descriptor *f = &c->found[i];
		if (!str_eq(f->name, d->name) ||
		    (!d->architecture && !digest_equal(&f->digest, &d->digest)))
			continue;
		if (platform_rank(d->os, d->architecture) > platform_rank(f->os, f->architecture))
			*f = *d;
		return 0;
	}
	if (c->n_found == PLAN_MAX_IMAGES)
		return error_set(err, EFBIG, "holds more than %d images", PLAN_MAX_IMAGES);
	*arena_push(c->arena, c->found, c->n_found) = *d;
	return 0;
}

static int collect_one(struct choice *c, struct json_object *o, const char *name, int depth,
		       struct error *err)
{
	struct descriptor d;
	int r = get_descriptor(o, c->arena, &d, err);
	if (r < 0)
		return r;
	if (name)
		d.name = arena_strdup(c->arena, name);
	switch (media_of(d.type)) {
	case MEDIA_INDEX:
		return collect_nested(c, &d, d.name, depth, err);
	case MEDIA_MANIFEST:
		if (platform_rank(d.os, d.architecture))
			return add_found(c, &d, err);
		add_other(c, &d);
		return 0;
	default: /* "Implementations MUST ignore unknown types" (image-index.md) */
		return 0;
	}
}

static int collect(struct choice *c, const char *text, size_t len, const char *name, int depth,
		   struct error *err)
{
	CLEANUP_DOC struct json_object *o = NULL;
	struct json_object *list = NULL;

	int r = doc_read(text, len, json_type_object, &o, err);
	if (r == 0)
		r = doc_value(o, "manifests", json_type_array, &list, err);
	if (r == 0 && !list)
		r = error_set(err, EBADMSG, "names no manifests");
	if (r < 0)
		return r;
	if (json_object_array_length(list) > PLAN_MAX_IMAGES)
		return error_set(err, EFBIG, "an index has more than %d entries", PLAN_MAX_IMAGES);
	for (size_t i = 0; i < json_object_array_length(list) && r == 0; i++)
		r = collect_one(c, json_object_array_get_idx(list, i), name, depth, err);
	return r;
}

/* The one whose name is wanted, or the only one there is. */
static int choose(const struct choice *c, const char *name, struct descriptor *ret,
		  struct error *err)
{
	const struct descriptor *first = NULL;
	struct strings names = { 0 };

	for (size_t i = 0; i < c->n_found; i++) {
		const struct descriptor *d = &c->found[i];
		if (name && d->name && plan_name_matches(d->name, name)) {
			*ret = *d;
			return 0;
		}
		if (!first || !digest_equal(&first->digest, &d->digest))
			strings_add(c->arena, &names, d->name ? d->name : "one without a name");
		if (!first)
			first = d;
	}
	if (names.n > 1)
		return plan_several(&names, err);
	if (first) {
		*ret = *first;
		return 0;
	}
	if (!c->others.len)
		return error_set(err, EBADMSG, "holds no image: its index names no image manifest");
	error_set(err, EOPNOTSUPP, "the image is for %s, this machine runs linux/%s",
		  buf_str(&c->others), platform_architecture());
	return error_hint(err, "fetch it for linux/%s", platform_architecture());
}

/* ---- the manifest ---- */

static int check_layer_type(const struct descriptor *d, size_t i, struct error *err)
{
	enum media media = media_of(d->type);
	if (media == MEDIA_LAYER || media == MEDIA_FOREIGN)
		return 0;
	error_set(err, EOPNOTSUPP, "layer %zu has the media type %.120s, which is not known", i + 1,
		  d->type ? d->type : "(none)");
	if (d->type && strstr(d->type, "+encrypted"))
		error_hint(err, "decrypt the image first, with skopeo copy --decryption-key");
	return -EOPNOTSUPP;
}

static int get_layers(struct json_object *list, struct plan *p, struct error *err)
{
	struct arena *a = &p->image.arena;
	size_t n = json_object_array_length(list);

	if (n > RECORD_MAX_LAYERS)
		return error_set(err, EFBIG, "has %zu layers, more than %d", n, RECORD_MAX_LAYERS);
	for (size_t i = 0; i < n; i++) {
		char file[DIGEST_TEXT_SIZE + 8];
		struct descriptor d;
		int r = get_descriptor(json_object_array_get_idx(list, i), a, &d, err);
		if (r == 0)
			r = check_layer_type(&d, i, err);
		if (r < 0)
			return r;
		struct plan_layer *layer = arena_push(a, p->layers, p->n_layers);
		layer->file = arena_strdup(a, blob_file(&d.digest, file, sizeof(file)));
		layer->blob = d.digest;
		layer->has_size = true;
		layer->size = d.size;
	}
	return 0;
}

/* Reads config and layers; *ret_config is the config's descriptor. */
static int get_manifest(const char *text, size_t len, struct plan *p, struct descriptor *ret_config,
			struct error *err)
{
	CLEANUP_DOC struct json_object *o = NULL;
	struct json_object *config = NULL, *layers = NULL;

	int r = doc_read(text, len, json_type_object, &o, err);
	if (r == 0)
		r = doc_value(o, "config", json_type_object, &config, err);
	if (r == 0)
		r = doc_value(o, "layers", json_type_array, &layers, err);
	if (r == 0 && (!config || !layers))
		r = error_set(err, EBADMSG, "the manifest names no config or no layers");
	if (r == 0)
		r = get_descriptor(config, &p->image.arena, ret_config, err);
	if (r < 0)
		return r;
	if (media_of(ret_config->type) != MEDIA_CONFIG)
		return error_set(err, EOPNOTSUPP,
				 "is no container image but an artifact (config media type %.120s)",
				 ret_config->type ? ret_config->type : "(none)");
	return get_layers(layers, p, err);
}

int oci_manifest_parse(const char *text, size_t len, struct plan *p, struct digest *ret_config,
		       struct error *err)
{
	struct descriptor config;
	int r = get_manifest(text, len, p, &config, err);
	if (r == 0)
		*ret_config = config.digest;
	return r;
}

static int read_manifest(const struct source *s, const struct descriptor *d, struct plan *p,
			 struct error *err)
{
	CLEANUP_BUF struct buf manifest = BUF_INIT, text = BUF_INIT;
	char file[DIGEST_TEXT_SIZE + 8];
	struct descriptor config;

	int r = read_document(s, d, &manifest, err);
	if (r == 0)
		r = get_manifest(buf_str(&manifest), manifest.len, p, &config, err);
	if (r < 0) {
		error_object(err, "%s", blob_file(&d->digest, file, sizeof(file)));
		return r;
	}
	r = read_document(s, &config, &text, err);
	if (r == 0 && strcmp(config.digest.algorithm, "sha256") != 0)
		r = error_set(err, EOPNOTSUPP, "the config's digest is not a sha256 one");
	if (r == 0)
		r = config_parse(buf_str(&text), text.len, config.digest.hex, p, err);
	if (r < 0)
		error_object(err, "%s", blob_file(&config.digest, file, sizeof(file)));
	return r;
}

int oci_read(const struct source *s, const char *name, struct plan *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct choice c = { .source = s, .arena = &ret->image.arena };
	struct descriptor d;

	int r = source_read(s, "index.json", &text, err);
	if (r == 0)
		r = collect(&c, buf_str(&text), text.len, NULL, 0, err);
	if (r < 0)
		error_object(err, "index.json");
	else
		r = choose(&c, name, &d, err);
	buf_done(&c.others);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n_found; i++) {
		if (c.found[i].name && digest_equal(&c.found[i].digest, &d.digest))
			strings_add(c.arena, &ret->image.names, c.found[i].name);
	}
	return read_manifest(s, &d, ret, err);
}
