/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inroot.h - resolving and creating paths of the image, for this room only (see rootfs.h for the plain
 * forms). Nothing here can leave the root directory, whatever the image contains.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"

enum inroot_make {
	INROOT_MAKE_NOTHING,
	INROOT_MAKE_DIR,  /* missing parts become directories */
	INROOT_MAKE_FILE, /* the same, but the last part an empty regular file */
};

struct inroot_how {
	int flags;	  /* open(2), without O_CREAT */
	bool no_symlinks; /* a symlink anywhere on the way is -ELOOP */
	enum inroot_make make;
	mode_t mode; /* of what is made */
};

/* Descriptor (O_CLOEXEC) or -errno. */
int inroot_resolve(int root, const char *path, const struct inroot_how *how) NODISCARD;

/*
 * Copies the last part of path to name, and tells how many characters stand before it. -EINVAL when it has none
 * ("/", "..").
 */
int inroot_split(const char *path, char name[NAME_MAX + 1], size_t *ret_before) NODISCARD;

/* Opens (O_PATH) the directory that the rest names, making it when missing. */
int inroot_parent(int root, const char *path, bool no_symlinks) NODISCARD;
