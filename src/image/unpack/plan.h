/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what is to be unpacked: one image of a source, its configuration, and where each layer's blob is.
 * Reading a plan verifies the digests of all documents; those of layers are verified as they are
 * unpacked (layer.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "image/digest.h"
#include "image/image.h"
#include "image/unpack/source.h"

#define PLAN_MAX_IMAGES 1000 /* in one archive */

struct plan_layer {
	char *file;	    /* in the source */
	struct digest blob; /* of that file; not set: not known (docker archives) */
	struct digest diff_id;
	bool has_size;
	uint64_t size; /* of that file, as the manifest says */
};

struct plan {
	struct image image; /* its arena holds everything here; names are those found inside */
	struct plan_layer *layers; /* lowest first */
	size_t n_layers;
};

#define CLEANUP_PLAN CLEANUP(plan_done)
void plan_done(struct plan *p);

/*
 * Reads the plan of the image called `name` (normalised), or of the only one. -EBADMSG (damaged, or no
 * image in it), -EOPNOTSUPP (another platform, a media type that is not known), -ENOTUNIQ (several images).
 */
int plan_read(const struct source *s, const char *name, struct plan *ret, struct error *err)
	NODISCARD;

/* ---- the formats, each a file; for plan.c and the fuzzer ---- */

/* oci.c: index.json and what it leads to. */
int oci_read(const struct source *s, const char *name, struct plan *ret, struct error *err)
	NODISCARD;
/* The text of an image manifest: fills in the layers; *ret_config is the config's digest. */
int oci_manifest_parse(const char *text, size_t len, struct plan *p, struct digest *ret_config,
		       struct error *err) NODISCARD;

/* docker.c: manifest.json. */
int docker_read(const struct source *s, const char *name, struct plan *ret, struct error *err)
	NODISCARD;
/* The text of manifest.json: one entry is chosen; fills in the layers' files and the names;
 * *ret_config is the config's file. */
int docker_manifest_parse(const char *text, size_t len, const char *name, struct plan *p,
			  char **ret_config, struct error *err) NODISCARD;

/* config.c: the text of an image config: fills in p->image and the diff ids of p->layers, whose number
 * must agree. id: 64 digits. */
int config_parse(const char *text, size_t len, const char *id, struct plan *p, struct error *err)
	NODISCARD;

/* Whether an image found under the name `inside` (as it stands there) is the one that is wanted. */
bool plan_name_matches(const char *inside, const char *wanted);

/* -ENOTUNIQ with the names listed. */
int plan_several(const struct strings *names, struct error *err);

/* Checks a document against its digest and size. 0 or -EBADMSG. */
int plan_verify(const char *text, size_t len, const struct digest *expected, struct error *err)
	NODISCARD;
