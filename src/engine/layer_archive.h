/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_archive.h - the private layer of a container's root, as a blob in an image: a pax archive of the directory with
 * everything that overlayfs knows by: device nodes 0:0 (whiteouts), trusted.* attributes, owners. Made and
 * unmade by the helper contexe-layer. The content of a tmpfs is kept in the same way.
 */
#pragma once

#include "base/error.h"
#include "checkpoint/image/image.h"

#define LAYER_BLOB "layer"

/* name: of the blob. dir: an open directory. */
int layer_archive_pack(struct image_writer *w, const char *name, int dir, struct error *err)
	NODISCARD;
int layer_archive_unpack(struct image *img, const char *name, int dir, struct error *err) NODISCARD;
