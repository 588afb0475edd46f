/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_archive.h - the private layer of a container's root, as a blob in an image: a pax archive of the directory with
 * everything that overlayfs knows by: device nodes 0:0 (whiteouts), trusted.* attributes, owners. Made and
 * unmade by the helper contexe-layer. The content of a tmpfs is kept in the same way.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "checkpoint/image/image.h"

#define LAYER_BLOB "layer"

/*
 * name: of the blob. dir: an open directory. within: a process in whose user namespace it is done, as root there: the
 * archive then has the ids that are seen inside; 0: ours.
 */
int layer_archive_pack(struct image_writer *w, const char *name, int dir, pid_t within,
		       struct error *err) NODISCARD;
int layer_archive_unpack(struct image *img, const char *name, int dir, pid_t within,
			 struct error *err) NODISCARD;
