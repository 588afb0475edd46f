/* SPDX-License-Identifier: Apache-2.0 */
/* mapped.h - files that belong to the mapped ids of a user without root: only root of such a map may remove them. */
#pragma once

#include "base/error.h"
#include "spec/spec.h"

/* file_remove_tree() by a child in a user namespace with these maps. 0 or -errno. */
int mapped_remove_tree(const struct spec_linux *maps, int dirfd, const char *path,
		       struct error *err) NODISCARD;
