/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views.h - the FUSE descriptor of a container's own /proc files while it is being built. What is served there, and what
 * happens afterwards: sys/viewfs.h, engine/views.h.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Opens /dev/fuse, without waiting reads, for a mount in the user namespace that we are in. Descriptor or -errno. */
int views_open(struct error *err) NODISCARD;

/* A memory of struct viewfs_shared, empty. Descriptor or -errno. */
int views_memory(struct error *err) NODISCARD;

/* The file system, attached nowhere: a mount as a descriptor, or -errno. Nothing in it can be looked at before
 * somebody answers at the other end. */
int views_make(int fuse, struct error *err) NODISCARD;

/*
 * Answers what the builder asks for in attaching its files. False: the job runs and has asked for something, which is in
 * the memory now; the rest is for contexe-procfs.
 */
bool views_answer_build(int fuse, int memory);
