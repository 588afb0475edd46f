/* SPDX-License-Identifier: Apache-2.0 */
/* file_path.c - see file_path.h. */
#include "checkpoint/kind/file_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/ghost.h"
#include "checkpoint/kind/name_search.h"
#include "checkpoint/kind/temporary.h"
#include "sys/mountinfo.h"
#include "sys/openat2.h"
#include "sys/viewstat.h"

#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif

#define DELETED	  " (deleted)"
#define LARGEFILE 0100000 /* what F_GETFL shows; O_LARGEFILE is 0 for 64-bit programs */

const struct field file_path_fields[] = {
	FIELD(struct file_path, path, TEXT, .max = 4352),
	FIELD(struct file_path, other, TEXT, .optional = true, .max = 4352),
	FIELD(struct file_path, ghost, U64, .optional = true),
	FIELD(struct file_path, type, U32),
	FIELDS_END,
};

void file_path_describe(const struct file_path *p, struct buf *out)
{
	buf_puts(out, p->path);
	if (p->ghost)
		buf_puts(out, DELETED);
	if (p->other)
		buf_printf(out, " (now %s)", p->other);
}

/* ---- dump ---- */

/* Looks at a path of the container; false when it leads nowhere, or out by a symbolic link. */
static bool look(int root, const char *path, struct stat *ret)
{
	CLEANUP_FD int fd =
		sys_openat2(root, path, O_PATH | O_NOFOLLOW, 0,
			    RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	return fd >= 0 && sys_fstat(fd, ret) == 0;
}

static bool leads_to(int root, const char *path, const struct stat *st)
{
	struct stat there;
	return look(root, path, &there) && there.st_dev == st->st_dev &&
	       there.st_ino == st->st_ino && (there.st_mode & S_IFMT) == (st->st_mode & S_IFMT);
}

static const char *mount_point(struct collect *c, uint64_t mnt_id)
{
	char path[40];
	struct mountinfo *v;
	size_t n;
	(void)snprintf(path, sizeof(path), "%d/mountinfo", (int)c->init);
	if (mountinfo_read(c->arena, c->proc, path, &v, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if ((uint64_t)v[i].id == mnt_id)
			return v[i].mount_point;
	return NULL;
}

static bool same_inode(int fd, void *arg)
{
	const struct stat *wanted = arg;
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino;
}

/*
 * Its first name is gone, and the link count says that it has others: looks for one. 1: there is none.
 *
 * A deleted file of a lower layer (overlayfs) has a link count of 1 as ever: that one may be wrong. With layers on two
 * file systems overlayfs gives the names of one inode different numbers: then another name is not recognised.
 */
static int collect_other(struct collect *c, const struct file_facts *f, struct file_path *ret)
{
	struct name_wanted wanted = { .ino = f->st.st_ino, .arg = (void *)&f->st };
	struct name_search s = { .v = &wanted, .n = 1, .near = ret->path, .is_it = same_inode };
	bool layered = f->fs == OVERLAYFS_SUPER_MAGIC && f->st.st_nlink == 1;
	const char *start = mount_point(c, f->mnt_id);
	int r = start ? name_search(c, start, &s) : -ENOENT;
	ret->other = wanted.path;
	if (r == 0 || layered)
		return r != 0;
	return file_refuse(
		c, f,
		r == -E2BIG ? "its name was removed, another one was not found among too many"
			    : "its name was removed, and the container does not see another one",
		"close it, or give it a name in the container again");
}

int file_path_collect(struct collect *c, const struct file_facts *f, struct file_path *ret,
		      struct error *err)
{
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return error_sys(err, -root, "cannot open the container's root");
	size_t len = strlen(f->link), tail = sizeof(DELETED) - 1;
	ret->path = arena_strdup(c->arena, f->link);
	ret->type = f->st.st_mode & S_IFMT;
	if (leads_to(root, ret->path, &f->st))
		return 0;
	if (len <= tail || strcmp(f->link + len - tail, DELETED) != 0)
		return file_refuse(c, f, "it is not found at this path of the container",
				   "files that were opened outside, or lie beneath a mount, cannot "
				   "be carried: close it");
	ret->path[len - tail] = 0;
	/* the root of a mount whose source was removed */
	if (leads_to(root, ret->path, &f->st))
		return 0;
	if (S_ISREG(f->st.st_mode) && f->st.st_nlink > 0 && collect_other(c, f, ret) == 0)
		return 0;
	return ghost_collect(c, f, ret->path, &ret->ghost, err);
}

int file_path_collect_kernel(struct collect *c, const struct file_facts *f, struct file_path *ret,
			     struct error *err)
{
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return error_sys(err, -root, "cannot open the container's root");
	struct stat there;
	ret->path = arena_strdup(c->arena, f->link);
	ret->type = f->st.st_mode & S_IFMT;
	if (look(root, ret->path, &there) && (there.st_mode & S_IFMT) == ret->type)
		return 0;
	return file_refuse(c, f, "what it belongs to has ended, or it was opened outside",
			   "try again when it was closed");
}

/* ---- restore ---- */

int file_path_flags(int flags)
{
	/* openat2(2) refuses flags that it does not know, and does not add LARGEFILE by itself */
	return flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT |
			O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_PATH | LARGEFILE);
}

static const char *type_name(uint32_t type)
{
	switch (type) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a fifo";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	case S_IFSOCK:
		return "a socket";
	default:
		return "something unknown";
	}
}

/* A look before the open: opening a fifo waits, opening a device may do anything. */
static int check_type(const struct file_path *p, const char *path, struct error *err)
{
	CLEANUP_FD int fd =
		sys_openat2(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = fd < 0 ? -fd : errno;
		(void)error_sys(err, e, "it was open at the checkpoint and cannot be opened");
		return error_hint(
			err, e == ENOENT ? "put it back, or restore into the tree it was taken from"
					 : "restore into the tree that it was taken from");
	}
	if ((st.st_mode & S_IFMT) == p->type)
		return 0;
	return error_set(err, EINVAL, "it was %s at the checkpoint and is %s now",
			 type_name(p->type), type_name(st.st_mode & S_IFMT));
}

static int open_path(const struct file_path *p, const char *path, int flags, struct error *err)
{
	int fd = check_type(p, path, err);
	if (fd == 0) {
		/* the last part may be a link only if the link itself was open */
		fd = sys_openat2(AT_FDCWD, path, (uint64_t)(unsigned)flags, 0, RESOLVE_NO_SYMLINKS);
		if (fd < 0)
			(void)error_sys(err, -fd, "it cannot be opened as it was");
	}
	return fd < 0 ? error_object(err, "%s", path) : fd;
}

/* Under its old name if that is free, so that its name reads "(deleted)" again. */
static int open_other(const struct file_path *p, int flags, struct error *err)
{
	CLEANUP(temporary_remove) struct temporary t = TEMPORARY_INIT;
	bool as_it_was = temporary_link(&t, p->other, p->path) == 0;
	return open_path(p, as_it_was ? p->path : p->other, flags, err);
}

int file_path_open(struct holder *h, const struct file_path *p, int flags, struct error *err)
{
	flags = file_path_flags(flags);
	if (p->ghost)
		return ghost_open(h, p->ghost, p->type, flags, err);
	if (p->other)
		return open_other(p, flags, err);
	return open_path(p, p->path, flags, err);
}

int file_path_open_at(struct holder *h, const struct file_path *p, uint64_t position, int flags,
		      struct error *err)
{
	CLEANUP_FD int fd = file_path_open(h, p, flags, err);
	if (fd < 0 || flags & O_PATH || !position)
		return take_fd(&fd);
	if (lseek(fd, (off_t)position, SEEK_SET) < 0) {
		(void)error_sys(err, errno, "cannot set the position");
		return error_object(err, "%s", p->path);
	}
	return take_fd(&fd);
}
