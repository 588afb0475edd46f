/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_archive.h - the private layer of a container's root, as a blob in an image: a pax archive of the directory with
 * everything that overlayfs knows by: device nodes 0:0 (whiteouts), trusted.* attributes, owners. Made and
 * unmade by the helper contexe-layer.
 */
#pragma once

#include "base/error.h"
#include "checkpoint/image/image.h"

#define LAYER_BLOB "layer"

int layer_archive_pack(struct image_writer *w, const char *dir, struct error *err) NODISCARD;
/* Into an empty directory that exists. */
int layer_archive_unpack(struct image *img, const char *dir, struct error *err) NODISCARD;
