/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the tree under construction, for this room only: what the steps of building share, and which
 * file does which step. All functions return 0 (or a descriptor, the caller's) or -errno with err filled,
 * but where they take no err.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "container/rootfs/inroot.h"
#include "container/rootfs/rootfs.h"
#include "sys/mountfd.h"

/* Linux 5.14; absent from older headers. */
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/*
 * A mount that is made once and put in many places: the first place takes the mount itself, each further
 * one a clone. (A clone of a mount that is attached nowhere is only possible since Linux 6.15.)
 */
struct stencil {
	int fd; /* -EBADF: not made yet */
	bool used;
};

/*
 * The directory of the last node or link that was made, for the next one there. Only while nothing is mounted in
 * between: it could come to lie over that.
 */
struct last_parent {
	int fd;	    /* -EBADF: none */
	char *path; /* up to the last slash */
};

struct tree {
	const struct rootfs_plan *plan;
	int root; /* the new root, attached to plan->root */
	struct last_parent parent;
	struct stencil null, empty; /* what masks are made of */
	int *lower;		    /* the layers above plan->root, top first, as directories */
	size_t n_lower;
	int *late; /* mounts that become read-only when all is built */
	size_t n_late;
};

/* attr.c - attributes of mounts. */
struct attr_change {
	uint64_t set, clear; /* MOUNT_ATTR_* */
	uint64_t propagation;
	bool recursive;
};
int attr_apply(int mnt, const struct attr_change *change) NODISCARD; /* no err */
/* All that op asks of a mount that is there: attributes, recursive ones, propagation. */
int attr_apply_op(const struct tree *t, int mnt, const struct mount_op *op, struct error *err)
	NODISCARD;
unsigned long attr_to_ms(uint64_t attr); /* MOUNT_ATTR_* as mount(2) flags */

/* destination.c - where an operation takes place. */
int destination_open(const struct tree *t, const struct mount_op *op, enum inroot_make make,
		     struct error *err) NODISCARD;
/* The descriptor stays the tree's, until destination_forget_parent(). */
int destination_parent(struct tree *t, const struct mount_op *op, char name[NAME_MAX + 1],
		       struct error *err) NODISCARD;
void destination_forget_parent(struct tree *t);
int destination_attach(int mnt, int at, struct error *err) NODISCARD;
int destination_cover(int at) NODISCARD; /* O_PATH of the mount that covers a directory; no err */
int destination_uncover(int mnt) NODISCARD; /* takes away the mount with this root; no err */

/* fscontext.c - a new file system as a detached mount. */
struct fs_request {
	const char *type, *source, *data;
	uint64_t attr;	   /* of the mount */
	bool readonly;	   /* the file system itself */
	const char *label; /* SELinux context, or NULL */
};
int fs_make(const struct fs_request *req, struct error *err) NODISCARD;
/* The kernel's last complaint about a file system context. False: it has none. */
bool fs_complaint(int fs, char *text, size_t size);

/* overlay.c - an overlay of directories held by descriptor. */
struct overlay {
	const int *lower; /* top first */
	size_t n_lower;
	int upper, work; /* -EBADF: read-only */
	bool userns;
	const char *label;
};
/* Makes it and attaches it at a directory. O_PATH descriptor of its root. */
int overlay_attach(const struct overlay *o, int at, struct error *err) NODISCARD;

/* stage.c - id-mapped layers get a place in this mount namespace. Descriptor of where to build on from there. */
int stage_layers(const struct rootfs_plan *plan, int at, struct error *err) NODISCARD;

/* layer.c - what the tree stands on. */
int layer_attach_root(struct tree *t, struct error *err) NODISCARD;
int layer_attach_submounts(const struct tree *t, struct error *err) NODISCARD;

/* copyup.c - copies what is in one directory to another. No err. */
int copyup_tree(int from, int to) NODISCARD;
int copyup_metadata(int from, int to) NODISCARD; /* of the directories themselves */

/* One function a kind; the table is in mount.c. */
typedef int mount_fn(struct tree *t, const struct mount_op *op, struct error *err);
mount_fn bind_mount, bind_readonly; /* bind.c */
mount_fn fs_mount;		    /* fs.c */
mount_fn cgroupfs_mount;	    /* cgroupfs.c */
mount_fn device_make;		    /* device.c */
mount_fn mask_path;		    /* mask.c */
mount_fn symlink_make;		    /* symlink.c */
mount_fn textfile_mount;	    /* textfile.c */
mount_fn views_mount;		    /* viewmount.c */
mount_fn mount_op_run;		    /* mount.c: whichever kind it is */

/* Binds a tree of the host where a new file system may not be made (fs.c, cgroupfs.c). */
int bind_host(struct tree *t, const struct mount_op *op, const char *path, bool readonly,
	      struct error *err) NODISCARD;
int symlink_at(int dir, const char *name, const char *text, struct error *err) NODISCARD;
