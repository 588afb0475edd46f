/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.c - MOUNT_BIND: a file or directory of the host inside the tree; MOUNT_READONLY: a path of the tree
 * bound over itself.
 *
 * The source is cloned (open_tree), mapped to other ids if asked, attached, then given its attributes. The
 * destination is made to be what the source is, a directory or an empty file.
 */
#include "container/rootfs/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "sys/mountfd.h"

static int explain_source(const struct mount_op *op, int r, struct error *err)
{
	const char *source = op->source ? op->source : "(descriptor)";

	switch (r) {
	case -ENOENT:
		error_set(err, ENOENT, "the source %s does not exist", source);
		return error_hint(err, "make it before the container is started");
	case -EINVAL:
		error_set(err, EINVAL, "the source %s cannot be cloned in this mount namespace",
			  source);
		if (op->source_fd >= 0)
			return error_hint(err, "open it with open_tree(OPEN_TREE_CLONE)");
		return error_hint(err,
				  "it may be unbindable, or hold mounts locked to it: use rbind");
	}
	return error_sys(err, -r, "cannot open the source %s", source);
}

/* The source as a mount to be attached. A descriptor, or -errno with err filled. */
static int clone_source(const struct mount_op *op, struct error *err)
{
	unsigned flags = OPEN_TREE_CLONE | (op->recursive ? AT_RECURSIVE : 0);
	int fd;

	if (op->source_fd >= 0) {
		fd = sys_open_tree(op->source_fd, "", flags | AT_EMPTY_PATH);
		/* Before Linux 6.15 a detached mount cannot be cloned: it is used up itself. */
		if (fd == -EINVAL) {
			fd = fcntl(op->source_fd, F_DUPFD_CLOEXEC, 0);
			fd = fd < 0 ? -errno : fd;
		}
	} else if (op->source && *op->source) {
		flags |= op->source_no_follow ? AT_SYMLINK_NOFOLLOW : 0;
		fd = sys_open_tree(AT_FDCWD, op->source, flags);
	} else {
		return error_set(err, EINVAL, "no source is given");
	}
	return fd >= 0 ? fd : explain_source(op, fd, err);
}

/* Maps the ids of a mount that is not attached yet: mount_setattr(2), Linux 5.12. */
static int map_ids(int mnt, const struct mount_op *op, struct error *err)
{
	if (op->userns_fd < 0)
		return 0;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				   .userns_fd = (unsigned)op->userns_fd };
	unsigned flags = AT_EMPTY_PATH | (op->idmap_rec ? AT_RECURSIVE : 0);
	int r = sys_mount_setattr(mnt, "", flags, &attr);
	if (r == -EINVAL || r == -ENOSYS) {
		error_set(err, -r, "the source's file system cannot be mapped to other ids");
		return error_hint(err, "drop the idmap option and change the owner of the files");
	}
	if (r == -EPERM) {
		error_set(err, EPERM, "the source's file system may not be mapped from here");
		return error_hint(err, "only who owns it may: root outside the container");
	}
	return r < 0 ? error_sys(err, -r, "cannot map the source to other ids") : 0;
}

/* A volume that is still empty gets what the image has at its place, owner and mode included. */
static int copy_up_once(int mnt, int at, struct error *err)
{
	CLEANUP_FD int to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = to < 0 ? NULL : fdopendir(dup(to));
	bool empty = true;
	if (!dir)
		return error_sys(err, errno, "cannot read the volume");
	for (struct dirent *de; empty && (de = readdir(dir));)
		empty = !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..");
	closedir(dir);
	int r = empty ? copyup_metadata(at, to) : 0;
	if (empty && r == 0)
		r = copyup_tree(at, to);
	return r < 0 ? error_sys(err, -r, "cannot fill the volume") : 0;
}

/* Attaches a cloned source where op wants it. */
static int place(struct tree *t, const struct mount_op *op, int mnt, struct error *err)
{
	struct stat st;
	if (fstat(mnt, &st) < 0)
		return error_sys(err, errno, "cannot look at the source");
	enum inroot_make make = S_ISDIR(st.st_mode) ? INROOT_MAKE_DIR : INROOT_MAKE_FILE;
	CLEANUP_FD int at = destination_open(t, op, make, err);
	if (at < 0)
		return at;
	int r = op->copy_up ? copy_up_once(mnt, at, err) : 0;
	if (r == 0)
		r = destination_attach(mnt, at, err);
	return r < 0 ? r : attr_apply_op(t, mnt, op, err);
}

/* copy-symlink: 1 when the source was a symlink and is one inside now, 0 when it is none. */
static int copy_symlink(struct tree *t, const struct mount_op *op, struct error *err)
{
	char text[PATH_MAX];
	if (!op->source)
		return 0;
	ssize_t n = readlink(op->source, text, sizeof(text) - 1);
	if (n < 0)
		return errno == EINVAL ? 0 : explain_source(op, -errno, err);
	text[n] = '\0';
	struct mount_op link = *op;
	link.kind = MOUNT_SYMLINK;
	link.source = text;
	int r = symlink_make(t, &link, err);
	return r < 0 ? r : 1;
}

int bind_mount(struct tree *t, const struct mount_op *op, struct error *err)
{
	if (op->copy_symlink) {
		int r = copy_symlink(t, op, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	CLEANUP_FD int mnt = clone_source(op, err);
	if (mnt < 0)
		return mnt;
	int r = map_ids(mnt, op, err);
	return r < 0 ? r : place(t, op, mnt, err);
}

int bind_host(struct tree *t, const struct mount_op *op, const char *path, bool readonly,
	      struct error *err)
{
	struct mount_op bind = {
		.kind = MOUNT_BIND,
		.destination = op->destination,
		.source = path,
		.recursive =
			true, /* what the host covers stays covered; alone it would be refused */
		.attr_set = op->attr_set,
		.rattr_set = op->rattr_set | (readonly ? MOUNT_ATTR_RDONLY : 0),
		.userns_fd = FD_NONE,
		.source_fd = FD_NONE,
	};
	return bind_mount(t, &bind, err);
}

int bind_readonly(struct tree *t, const struct mount_op *op, struct error *err)
{
	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_NOTHING, err);
	if (at == -ENOENT) {
		error_clear(err); /* what is not there cannot be written to */
		return 0;
	}
	if (at < 0)
		return at;
	CLEANUP_FD int mnt = sys_open_tree(at, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
	if (mnt < 0)
		return error_sys(err, -mnt, "cannot clone the path to make it read-only");
	int r = destination_attach(mnt, at, err);
	if (r < 0)
		return r;
	struct attr_change ro = { .set = MOUNT_ATTR_RDONLY,
				  .propagation = MS_PRIVATE,
				  .recursive = true };
	r = attr_apply(mnt, &ro);
	if (r == -ENOSYS) { /* Linux before 5.12: mounts below it stay as they are */
		ro.recursive = false;
		r = attr_apply(mnt, &ro);
	}
	return r < 0 ? error_sys(err, -r, "cannot make the path read-only") : 0;
}
