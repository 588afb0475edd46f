/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the image store: layers unpacked once, content-addressed, shared by all containers.
 *
 * On disk, below DIR (= <state root>/images):
 *     layers/sha256/<diff id>/   one unpacked layer, in overlayfs' own form: a whiteout is a char device
 *                                0/0, an opaque directory has trusted.overlay.opaque=y (user.overlay.opaque
 *                                in a user namespace)
 *     images/<id>.json           one image: struct image as JSON; id = hex sha256 of the OCI image config
 *     tags/<escaped name>        a file holding an id
 *     tmp/                       what is being unpacked; renamed into place when it is whole
 *
 * Unpacking is done by the helper program contexe-unpack (libarchive), since archives are hostile input:
 * it runs confined, and the library and the start path stay free of it. This header is what the engine uses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "spec/spec.h"

struct image {
	struct arena arena;
	char *id;	      /* 64 hex digits */
	struct strings names; /* tags that point here */
	char *created;	      /* RFC 3339, from the image's config; NULL unknown */
	char *imported;	      /* RFC 3339 */
	char *architecture, *os;
	uint64_t size;	       /* bytes unpacked, all layers */
	struct strings layers; /* diff ids ("sha256:..."), lowest first */
	/* config, as OCI image-spec names them */
	struct strings env, cmd, entrypoint, volumes, exposed_ports;
	char *user, *working_dir, *stop_signal;
	struct spec_pairs labels;
	bool has_cmd, has_entrypoint;
};

#define CLEANUP_IMAGE CLEANUP(image_done)
void image_done(struct image *img);

/* Progress of an import: phase "layer 2/5", bytes done and in all (0: not known). */
typedef void image_progress_fn(void *arg, const char *phase, uint64_t done, uint64_t total);

/*
 * Imports an OCI image layout directory, an OCI archive or a docker archive (plain or compressed tar)
 * under a name (NULL: the name found inside, or else the file's name). Layers that are there already are
 * not unpacked again. Interrupted at any point, the store is as before. *ret_id (malloc'ed) is the id.
 * Errors: -ENOENT, -EBADMSG (corrupt: says which part), -ENOSPC, -EOPNOTSUPP (another architecture), ...
 */
int image_import(const char *store_dir, const char *path, const char *name,
		 image_progress_fn *progress, void *progress_arg, char **ret_id, struct error *err)
	NODISCARD;

/* Finds an image by name ("redis", "redis:7"), by id or by a prefix of one (>= 4 digits, unique). */
int image_find(const char *store_dir, const char *ref, struct image *ret, struct error *err)
	NODISCARD;

/* All images, newest import first, in a malloc'ed array (each to be image_done). */
int image_list(const char *store_dir, struct image **ret, size_t *ret_n, struct error *err)
	NODISCARD;

/* Removes a name, and with the last one the image and the layers that no other image uses.
 * in_use(arg, id) answers whether a container uses it (then -EBUSY). */
int image_remove(const char *store_dir, const char *ref, bool (*in_use)(void *arg, const char *id),
		 void *arg, struct error *err) NODISCARD;

/* The absolute path of a layer's directory. */
char *image_layer_path(const char *store_dir, const char *diff_id, struct arena *arena);
