/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapped.h - files that belong to the mapped ids of a user without root: only root of such a map may make and remove
 * them. Where there is no container yet, or no more, a process holds a user namespace with its maps.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

/* file_remove_tree() by a child in a user namespace with these maps. 0 or -errno. */
int mapped_remove_tree(const struct spec_linux *maps, int dirfd, const char *path,
		       struct error *err) NODISCARD;

/* A process that does nothing, in a user namespace with these maps. mapped_end() accepts one that was never begun. */
struct mapped {
	pid_t pid; /* 0: none */
	int go;	   /* it ends when this is closed */
};
#define MAPPED_NONE ((struct mapped){ .go = -EBADF })

int mapped_begin(const struct spec_linux *maps, struct mapped *ret, struct error *err) NODISCARD;
void mapped_end(struct mapped *m);
