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
	MOUNT_BIND = 1, /* source path (resolved outside), recursive or not */
	MOUNT_FS,	/* a new file system: type + data options */
	MOUNT_CGROUP,	/* the container's own view of its control groups */
	MOUNT_MASK, /* hide a path: /dev/null over a file, an empty read-only tmpfs over a directory */
	MOUNT_READONLY, /* make an existing path read-only (recursively) */
	MOUNT_DEVICE,  /* a device node (mknod, or a bind of the host's node in a user namespace) */
	MOUNT_SYMLINK, /* source = link text */
	MOUNT_VIEWS,   /* the container's own /proc files (sys/viewfs.h), from views_mnt */
	MOUNT_FILE,    /* a small file with this content (source), on a private tmpfs of its own */
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
	/* A missing source or destination, or one whose server has died, is no error; a link gives way to what is there. */
	bool optional;
	bool copy_up; /* copy what lies beneath (tmpcopyup): into a tmpfs, or into an empty directory that is bound */
	bool remount;	/* change the attributes of the mount that is at the destination already */
	bool no_follow; /* a symlink at the destination is mounted over itself (dest-nofollow) */
	bool source_no_follow;	/* a symlink at the source is bound itself (src-nofollow) */
	bool copy_symlink;	/* a symlink at the source is made anew, not bound (copy-symlink) */
	bool idmap, idmap_rec;	/* asked for by idmap, ridmap: the engine opens userns_fd for it */
	const char *idmap_text; /* what followed "idmap=", or NULL: the container's own mappings */
	/* MOUNT_DEVICE */
	mode_t mode; /* type and permissions */
	dev_t dev;
	uid_t uid;
	gid_t gid;
	/* id-mapped bind: a user namespace to map by, opened by the engine (-EBADF: none) */
	int userns_fd;
	/*
	 * -EBADF, or the source as a descriptor that stays the engine's: a detached mount
	 * (open_tree(OPEN_TREE_CLONE), fsmount), or an O_PATH one opened in *this* mount namespace: the
	 * kernel clones no mount of another namespace, so an O_PATH descriptor from before
	 * clone3(CLONE_NEWNS) does not do.
	 */
	int source_fd;
};

/* An operation with nothing in it: descriptor 0 is a descriptor. */
#define MOUNT_OP_INIT                                                                              \
	{                                                                                          \
		.userns_fd = -EBADF, .source_fd = -EBADF                                           \
	}

/*
 * The layers as id-mapped mounts that are attached nowhere yet: made outside, since only root of the machine may
 * map what belongs to the machine (mount_setattr(2)). The tree is then built of them, and no path of a layer is
 * resolved inside. The descriptors are the maker's.
 */
struct rootfs_mapped {
	int root;	/* of rootfs_plan.root, and with all below it where there is no overlay */
	int *lower;	/* n_lower of them */
	int *submounts; /* n_submounts; -EBADF: cannot be mapped, so its files are nobody's */
	int private;	/* the directory that holds upper and work; -EBADF: there is none */
};

struct rootfs_plan {
	const char
		*root; /* directory that becomes / (or the lowest layer); the tree is put there */
	bool overlay;
	/*
	 * Layers above root, top first (may be none). None may lie inside another (ELOOP); but with "/" as
	 * root, where all do, they are copied to a tmpfs first, so keep them small there.
	 */
	const char **lower;
	size_t n_lower;
	const char *upper, *work; /* NULL with overlay: a read-only overlay */
	/*
	 * --host: mount points below root, parents first, that get an overlay each: its lower layers are
	 * the directories of that name in `lower`, then the mount itself; upper and work are <upper>.sub<i>,
	 * <work>.sub<i>. A mounted file, or a file system that cannot be a layer, is shown read-only.
	 */
	const char **submounts;
	size_t n_submounts;
	const struct rootfs_mapped *mapped; /* NULL: files belong to whom they do outside */
	bool readonly;
	bool userns; /* we build inside a user namespace: userxattr, binds instead of mknod */
	uint64_t propagation; /* of the root: MS_*, with MS_REC for the tree; 0: private */
	struct mount_op *ops;
	size_t n_ops;
	int views_mnt;	 /* MOUNT_VIEWS: a mount of sys/viewfs.h, attached nowhere; -EBADF: none */
	const char *cwd; /* created when missing; entered by the process itself */
	const char *mount_label; /* SELinux context of tmpfs, devpts and overlay mounts, or NULL */
};

/*
 * Builds the tree in the calling process' mount namespace (which must be new, and the process inside
 * all its new namespaces) and makes it the root: after success / is the container's root, the old root
 * is unmounted, the working directory is "/". Directories named in the plan (root, layers, sources) are
 * the host's and found by path before that; upper and work directories must exist, and an empty upper
 * directory takes the mode and owner of what it covers.
 * Runs in a child after fork, with one thread; may allocate. 0 or -errno with err naming the
 * destination; on failure the namespace is to be thrown away.
 */
int rootfs_build(const struct rootfs_plan *plan, struct error *err) NODISCARD;

/*
 * The same in two steps, for who runs hooks in between (OCI createContainer: after the mounts, before
 * pivot_root). rootfs_assemble leaves the finished tree mounted on plan->root of this namespace and
 * returns its descriptor; rootfs_enter makes it the root, and read-only where the plan says so. The
 * descriptor stays the caller's.
 */
int rootfs_assemble(const struct rootfs_plan *plan, struct error *err) NODISCARD;
int rootfs_enter(const struct rootfs_plan *plan, int root, struct error *err) NODISCARD;

/*
 * Parses mount options (mount(8), OCI runtime-spec config.md "Linux mount options", crun's extras)
 * into op, on top of what is there: "ro", "rbind", "nosuid", "rro", "shared", "idmap=...". Later ones
 * win over earlier ones; what is not an option of mounts is joined into op->data (in the arena) for
 * the file system. "bind" and "rbind" make op->kind MOUNT_BIND; a kind that is set already is taken into
 * account. -EINVAL for what contradicts itself. Nothing is opened or looked up.
 */
int mount_options_parse(struct arena *a, const char *const *options, size_t n, struct mount_op *op,
			struct error *err) NODISCARD;

/*
 * A clone of the mount at path (with what is mounted below it, if recursive), attached nowhere, whose ids are mapped by
 * a user namespace: what belongs to id N on disk belongs to the N of that namespace. map_all: the mounts below as
 * well. Linux 5.12. Descriptor or -errno; -EINVAL: the file system cannot; -EPERM: not root of the machine.
 */
int rootfs_map_tree(const char *path, bool recursive, bool map_all, bool follow, int userns)
	NODISCARD;

/*
 * Whether the layer that hides the machine's secrets can be moved off the machine's tree for an overlay of a user
 * namespace: a tmpfs must keep user.* attributes (Linux 6.6). Without them what is hidden would show; it may not, where
 * root inside has the rights of root to the machine's files.
 */
bool rootfs_can_map_host(void);

/* Appends one line of text for an op, without a newline, for --dry-run. */
struct buf;
void mount_op_print(const struct mount_op *op, struct buf *out);

/*
 * Opens a path inside the root directory as the kernel would after chroot(2), never leaving it: symlinks
 * and ".." are taken as seen from the inside, magic links of /proc not followed. flags are open(2)'s,
 * without O_CREAT. Descriptor (O_CLOEXEC) or -errno.
 */
int inroot_open(int root, const char *path, int flags) NODISCARD;

/* The same for a directory, making each missing part with this mode (less the umask), also where a
 * symlink of the image points to nothing yet. O_PATH descriptor of the last one, or -errno. */
int inroot_mkdirs(int root, const char *path, mode_t mode) NODISCARD;
