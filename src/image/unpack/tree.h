/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the directory a layer is unpacked into, as a place that names from a hostile archive cannot leave.
 *
 * Every path is walked one component at a time from the layer's own directory, with O_NOFOLLOW. A symbolic
 * link on the way is resolved here, by hand, with the layer's directory as its "/" and as the end of
 * every "..". Nobody else writes there, so what was walked stays what it is.
 *
 * Whiteouts become what overlayfs wants (Documentation/filesystems/overlayfs.rst): a removed name is a
 * character device 0/0, a directory that hides what is below it has the xattrs overlay.opaque = y.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

#define TREE_MAX_DEPTH 400

struct tree {
	int root; /* the caller's */
	bool rootless;
	/* the parent directory of the last entry: archives go through a directory at a time */
	int parent;
	bool stale; /* something was replaced: a link on the way there may be another now */
	char parent_path[PATH_MAX]; /* as the archive named it */
	char parent_real[PATH_MAX]; /* what it is, without links */
};

/* Where an entry goes. dir belongs to the tree and is valid until the next tree_place(). */
struct place {
	int dir;	  /* O_PATH */
	const char *name; /* one component, not "." or ".."; points into the path given */
};

#define CLEANUP_TREE CLEANUP(tree_done)
void tree_init(struct tree *t, int root, bool rootless);
void tree_done(struct tree *t);

/* Cleans an archive's name: no leading '/', no ".", no doubled or trailing slashes; "" is the layer itself.
 * -EBADMSG for "..", -ENAMETOOLONG. ret: PATH_MAX bytes. */
int tree_clean_path(const char *path, char *ret, struct error *err) NODISCARD;

/* Walks to the parent of a clean path that is not "". create: makes missing directories (0755), and one
 * in the place of anything else that is in the way. 0, -ENOENT, -ENOTDIR or -errno. */
int tree_place(struct tree *t, const char *path, bool create, struct place *ret, struct error *err)
	NODISCARD;

/* Opens a directory that tree_place() made or that lies on a path without links (a real path): O_RDONLY.
 * "" is the layer itself. -ENOENT or -ENOTDIR when it is no directory any more. */
int tree_open_real(const struct tree *t, const char *real) NODISCARD;

/* Removes what is at the place, a directory with all that is in it. */
int tree_clear(struct tree *t, const struct place *p, struct error *err) NODISCARD;

/* Makes a directory, or keeps the one there. One that takes the place of something else hides what the
 * layers below have under that name. Returns it opened (O_RDONLY) or -errno. */
int tree_make_dir(struct tree *t, const struct place *p, struct error *err) NODISCARD;

/* A whiteout of that name. What this layer itself has there stays, and only hides the layers below. */
int tree_whiteout(struct tree *t, const struct place *p, struct error *err) NODISCARD;

/* Marks an open directory opaque. */
int tree_make_opaque(const struct tree *t, int dir, struct error *err) NODISCARD;
