/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.h - the file tree of a container: a list of mount operations (plain data, made by the plan),
 * and the one doorway that carries them out inside the new mount namespace.
 *
 * Nothing here takes a path of the container by string: the root is a detached mount (open_tree,
 * fsmount) held by descriptor; every destination is resolved with openat2(RESOLVE_IN_ROOT), created by
 * mkdirat/mknodat on the descriptor of its parent, and mounted on by descriptor (move_mount).
 * Sources that belong to the caller are opened by the engine, before the container's code exists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

enum mount_kind {
	MOUNT_BIND,   /* source path (resolved outside), recursive or not */
	MOUNT_FS,     /* a new file system: type + data options */
	MOUNT_CGROUP, /* the container's own view of its control groups */
	MOUNT_MASK, /* hide a path: /dev/null over a file, an empty read-only tmpfs over a directory */
	MOUNT_READONLY, /* make an existing path read-only (recursively) */
	MOUNT_DEVICE,  /* a device node (mknod, or a bind of the host's node in a user namespace) */
	MOUNT_SYMLINK, /* source = link text */
	MOUNT_FILE, /* a small regular file with this content (source = text) put on a private tmpfs and bound */
};

struct mount_op {
	enum mount_kind kind;
	const char *destination;	 /* absolute, as seen inside */
	const char *source;		 /* path outside / type-dependent */
	const char *type;		 /* MOUNT_FS */
	const char *data;		 /* MOUNT_FS: "size=64m,mode=1777" */
	uint64_t attr_set, attr_clear;	 /* MOUNT_ATTR_*: on the mount itself */
	uint64_t rattr_set, rattr_clear; /* recursively (rro, rnosuid, ...) */
	uint64_t propagation;		 /* MS_PRIVATE, MS_SHARED, ...; 0: private */
	bool propagation_rec;
	bool recursive; /* MOUNT_BIND: the whole tree (rbind) */
	bool optional;	/* a missing source or destination is no error */
	bool copy_up;	/* tmpfs: copy what lies beneath (tmpcopyup) */
	bool no_follow; /* destination must not be a symlink at its end (src-/dest-nofollow) */
	/* MOUNT_DEVICE */
	mode_t mode; /* type and permissions */
	dev_t dev;
	uid_t uid;
	gid_t gid;
	/* id-mapped bind: a user namespace to map by, opened by the engine (-EBADF: none) */
	int userns_fd;
	int source_fd; /* -EBADF, or the source as O_PATH/open_tree descriptor, opened by the engine */
};

struct rootfs_plan {
	const char *root; /* directory that becomes / (or the lowest layer) */
	bool overlay;
	const char **lower; /* layers above root, top first (may be none) */
	size_t n_lower;
	const char *upper, *work; /* NULL with overlay: a read-only overlay */
	const char *
		*submounts; /* --host: mount points below root that get an overlay each (upper/work
				  * are then <upper>.sub<i>, <work>.sub<i>) */
	size_t n_submounts;
	bool readonly;
	bool userns; /* we build inside a user namespace: userxattr, binds instead of mknod */
	uint64_t propagation; /* of the root, 0: private */
	struct mount_op *ops;
	size_t n_ops;
	const char *cwd; /* created when missing, entered last */
	const char *mount_label;
};

/*
 * Builds the tree in the calling process' mount namespace (which must be new, and the process inside
 * all its new namespaces) and makes it the root: after success / is the container's root, the old root
 * is unmounted, the working directory is "/". dev_console: a pty slave to bind at /dev/console, or -EBADF.
 * Runs in a child after fork; may allocate. On failure the namespace is to be thrown away.
 */
int rootfs_build(const struct rootfs_plan *plan, struct error *err) NODISCARD;

/* Parses OCI mount options ("ro", "rbind", "nosuid", "size=64k", "rro", "shared", ...) into op; what is
 * not an option of mounts is joined into op->data. One table. -EINVAL for what contradicts itself. */
int mount_options_parse(struct arena *a, const char *const *options, size_t n, struct mount_op *op,
			struct error *err) NODISCARD;

/* The text of an op, for --dry-run. */
struct buf;
void mount_op_print(const struct mount_op *op, struct buf *out);

/* Opens a path inside a root directory, never leaving it; creates missing directories when mode != 0.
 * Descriptor or -errno. */
int inroot_open(int root, const char *path, int flags) NODISCARD;
int inroot_mkdirs(int root, const char *path, mode_t mode) NODISCARD; /* O_PATH of the last one */
