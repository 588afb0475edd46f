/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_objects.h - open files for the tests of memory: each descriptor is a new one. It stands in
 * the place of the room checkpoint/object, since what is asked here is only that mappings name
 * their files.
 */
#pragma once

#include <errno.h>

#include "checkpoint/object/object.h"

struct objects {
	struct object v[4096];
	size_t n;
};
static struct objects files;

int objects_file_take(struct objects *o, int fd, struct object_holder by UNUSED,
		      struct object **ret, bool *ret_new, struct error *err UNUSED)
{
	struct object *f = &o->v[o->n++];
	*f = (struct object){ .id = o->n, .class = OBJECT_FILE, .fd = fd };
	*ret = f;
	*ret_new = true;
	return 0;
}

struct object *objects_at(const struct objects *o, enum object_class class UNUSED, size_t n)
{
	return n < o->n ? (struct object *)&o->v[n] : NULL;
}
