/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the image store: layers unpacked once, content-addressed, shared by all containers.
 *
 * On disk, below DIR (= <state root>/images):
 *     layers/sha256/<diff id>/   one unpacked layer, in overlayfs' own form: a whiteout is a char device
 *                                0/0, an opaque directory has trusted.overlay.opaque=y and
 *                                user.overlay.opaque=y, which a user namespace reads
 *     images/<id>.json           one image: struct image as JSON; id = hex sha256 of the OCI image config
 *     tags/<escaped name>        a file holding an id
 *     tmp/                       what is being unpacked; renamed into place when it is whole
 *     lock, busy                 two files to flock(2): storedir.h
 * Any number of processes may import, remove and read at the same time. What a killed import left in tmp/
 * is collected by the next import or removal.
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
#include "image/image.h"

/* Progress of an import: phase "layer 2/5", bytes done and in all (0: not known). A phase "note: ..."
 * tells people what was left out on the way ("note: layer 1/2: 3 device nodes left out"). */
typedef void image_progress_fn(void *arg, const char *phase, uint64_t done, uint64_t total);

/*
 * Imports an OCI image layout directory, an OCI archive or a docker archive (plain or compressed tar)
 * under a name (NULL: the name found inside, or else the file's name). Layers that are there already are
 * not unpacked again. Interrupted at any point, the store is as before. *ret_id (malloc'ed) is the id.
 * Of several images in one archive, name says which. Runs as long as unpacking takes; when the process dies,
 * by ^C or SIGKILL, the helper ends too.
 * Errors: -ENOENT, -EINVAL (the name), -EBADMSG (corrupt, or no image: says which part), -ENOSPC, -EOPNOTSUPP
 * (another platform, a media type that is not known), -ENOTUNIQ (several images), -EINTR (killed), ...
 */
int image_import(const char *store_dir, const char *path, const char *name,
		 image_progress_fn *progress, void *progress_arg, char **ret_id, struct error *err)
	NODISCARD;

/*
 * Finds an image by name ("redis" is "redis:latest", else the only redis there is; "team/app" finds
 * "quay.io/team/app:latest" too), by id or by a prefix of one (>= 4 digits, unique). -ENOENT, -ENOTUNIQ.
 */
int image_find(const char *store_dir, const char *ref, struct image *ret, struct error *err)
	NODISCARD;

/* All images, newest import first, in a malloc'ed array (each to be image_done). */
int image_list(const char *store_dir, struct image **ret, size_t *ret_n, struct error *err)
	NODISCARD;

/* Removes a name, and with the last one the image and the layers that no other image uses. An id removes
 * the image with all its names. in_use(arg, id) answers whether a container uses it (then -EBUSY); it is
 * asked under the store's lock; may be NULL. */
int image_remove(const char *store_dir, const char *ref, bool (*in_use)(void *arg, const char *id),
		 void *arg, struct error *err) NODISCARD;

/* The absolute path of a layer's directory; NULL for what is no digest. */
char *image_layer_path(const char *store_dir, const char *diff_id, struct arena *arena);
