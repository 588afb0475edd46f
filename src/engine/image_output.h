/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_output.h - the file that an image is written to. It has no name until it is whole, so that whoever is killed
 * meanwhile leaves nothing behind, and an older image of that name stays until then.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/fd.h"

struct image_output {
	int fd;
	char *path;    /* NULL: a descriptor of the caller's */
	char *partial; /* its name for now, where the file system knows no files without one */
	bool kept;
};
#define IMAGE_OUTPUT_NONE ((struct image_output){ .fd = FD_NONE })

/* 0600. 0, or -errno with err (object: path). */
int image_output_open(const char *path, struct image_output *ret, struct error *err) NODISCARD;
/* fd stays the caller's. */
int image_output_open_fd(int fd, struct image_output *ret, struct error *err) NODISCARD;

/* It gets its name, in place of whatever had it. */
int image_output_keep(struct image_output *o, struct error *err) NODISCARD;
/* What was not kept goes. */
void image_output_done(struct image_output *o);
