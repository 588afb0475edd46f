/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination.c - finding, and making, the place of an operation inside the tree.
 *
 * Symlinks of the image are followed inside the root, except on the way into /proc, /sys and /dev: an
 * image that has a symlink there wants the kernel's files, the masks over them or the device nodes
 * elsewhere than where everybody looks for them, and is refused.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "sys/mountfd.h"

static bool is_guarded(const char *path)
{
	static const char *const places[] = { "proc", "sys", "dev" };

	path += strspn(path, "/");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t n = strlen(places[i]);
		if (strncmp(path, places[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

static int explain(const char *path, int r, struct error *err)
{
	switch (r) {
	case -ELOOP:
		if (!is_guarded(path))
			break;
		error_set(err, ELOOP, "the image has a symbolic link on this path");
		return error_hint(err, "/proc, /sys and /dev of an image must be directories");
	case -EROFS:
		error_set(err, EROFS,
			  "it does not exist, and the root cannot be written to make it");
		return error_hint(err, "make it in the image, or use an overlay");
	case -EACCES:
		error_sys(err, EACCES, "cannot be reached or made");
		return error_hint(err, "who builds the container needs write access to its root");
	}
	return error_sys(err, -r, "cannot be opened inside the root");
}

int destination_open(const struct tree *t, const struct mount_op *op, enum inroot_make make,
		     struct error *err)
{
	struct inroot_how how = {
		.flags = O_PATH | (op->no_follow ? O_NOFOLLOW : 0),
		.no_symlinks = is_guarded(op->destination),
		.make = make,
		.mode = make == INROOT_MAKE_FILE ? 0644 : 0755,
	};
	if (op->destination[strspn(op->destination, "/")] == '\0' && !op->remount) {
		error_set(err, EINVAL, "the root itself cannot be mounted over");
		return error_hint(err, "name the directory as the root of the container");
	}
	int fd = inroot_resolve(t->root, op->destination, &how);
	return fd >= 0 ? fd : explain(op->destination, fd, err);
}

void destination_forget_parent(struct tree *t)
{
	t->parent.fd = fd_close(t->parent.fd);
	free(t->parent.path);
	t->parent.path = NULL;
}

int destination_parent(struct tree *t, const struct mount_op *op, char name[NAME_MAX + 1],
		       struct error *err)
{
	size_t n;
	int r = inroot_split(op->destination, name, &n);
	if (r < 0)
		return explain(op->destination, r, err);
	const char *last = t->parent.path;
	if (last && strlen(last) == n && !strncmp(last, op->destination, n))
		return t->parent.fd;
	destination_forget_parent(t);
	CLEANUP_STR char *path = xasprintf("%.*s", (int)n, op->destination);
	int fd = inroot_parent(t->root, path, is_guarded(op->destination));
	if (fd < 0)
		return explain(op->destination, fd, err);
	t->parent.path = take_ptr(path);
	return t->parent.fd = fd;
}

static bool are_alike(int a, int b)
{
	struct stat first, second;
	return fstat(a, &first) < 0 || fstat(b, &second) < 0 ||
	       S_ISDIR(first.st_mode) == S_ISDIR(second.st_mode);
}

int destination_attach(int mnt, int at, struct error *err)
{
	int r = sys_move_mount(mnt, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r == 0)
		return 0;
	if (are_alike(mnt, at))
		return error_sys(err, -r, "cannot attach the mount");
	error_set(err, ENOTDIR, "one of source and destination is a directory, the other is not");
	return error_hint(err, "name a destination of the same kind");
}

/*
 * A descriptor of a directory shows what is beneath a mount put over it later (by mount(2), which gives
 * no descriptor), and no name leads back up but one: ".." of the root is that root again, as covered. So
 * the directory is made the root for a moment.
 */
int destination_cover(int at)
{
	CLEANUP_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || here < 0 || fchdir(at) < 0 || chroot(".") < 0)
		return -errno;
	CLEANUP_FD int cover = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = cover < 0 ? -errno : 0;
	if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(here) < 0)
		return -errno;
	return r < 0 ? r : take_fd(&cover);
}

int destination_uncover(int mnt)
{
	CLEANUP_FD int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || fchdir(mnt) < 0)
		return -errno;
	int r = umount2(".", MNT_DETACH) < 0 ? -errno : 0;
	return fchdir(here) < 0 ? -errno : r;
}
