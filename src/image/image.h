/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - what is known of an image: plain data; every pointer lives in its arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "spec/spec.h"

struct image_sizes {
	uint64_t *v;
	size_t n;
};

struct image {
	struct arena arena;
	char *id;	      /* 64 hex digits */
	struct strings names; /* tags that point here */
	char *created;	      /* RFC 3339, from the image's config; NULL unknown */
	char *imported;	      /* RFC 3339 */
	char *architecture, *os;
	uint64_t size;			/* bytes unpacked, all layers */
	struct strings layers;		/* diff ids ("sha256:..."), lowest first */
	struct image_sizes layer_sizes; /* bytes unpacked, one for each of layers */
	/* config, as OCI image-spec names them */
	struct strings env, cmd, entrypoint, volumes, exposed_ports;
	char *user, *working_dir, *stop_signal;
	struct spec_pairs labels;
	bool has_cmd, has_entrypoint;
};

#define CLEANUP_IMAGE CLEANUP(image_done)
void image_done(struct image *img);
