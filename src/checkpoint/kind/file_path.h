/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_path.h - how an open file of a file system is found again: by its path from the container's root, by another name
 * that its inode has, or as a ghost (ghost.h) when it has none.
 *
 * On dump the path that the kernel tells is believed only when it leads to the same inode. What leads nowhere is
 * refused: it was opened outside, in another mount namespace, or lies beneath a mount.
 */
#pragma once

#include <stdint.h>

#include "checkpoint/image/record.h"
#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/holder.h"

struct file_path {
	char *path;	/* as /proc/PID/fd tells, without " (deleted)" */
	char *other;	/* the name that is left when `path` is not its name any more */
	uint64_t ghost; /* id of the inode when no name is left */
	uint32_t type;	/* S_IF* */
};

/* To be embedded: FIELD(struct regular_record, where, MAP, .fields = file_path_fields) */
extern const struct field file_path_fields[];

/* May refuse the file (and then returns 0 as well: the record is not used). */
int file_path_collect(struct collect *c, const struct file_facts *f, struct file_path *ret,
		      struct error *err) NODISCARD;

/* The same, for files of the kernel's file systems, which have no inode numbers to rely on: the type must agree. */
int file_path_collect_kernel(struct collect *c, const struct file_facts *f, struct file_path *ret,
			     struct error *err) NODISCARD;

/* What of F_GETFL's flags open(2) is called with. */
int file_path_flags(int flags);

/*
 * Opens it in the tree of our own root, with the flags that F_GETFL told. Returns a descriptor, or -errno: gone
 * (-ENOENT), of another type (-EINVAL), and what open(2) tells; the error names it.
 */
int file_path_open(struct holder *h, const struct file_path *p, int flags, struct error *err)
	NODISCARD;
/* And its position, if it can have one. */
int file_path_open_at(struct holder *h, const struct file_path *p, uint64_t position, int flags,
		      struct error *err) NODISCARD;

/* "/tmp/x (deleted)" for `inspect`. */
void file_path_describe(const struct file_path *p, struct buf *out);
