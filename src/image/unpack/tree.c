/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - see tree.h. */
#include "image/unpack/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/openat2.h"

#define MAX_LINKS 40 /* symbolic links on one path, as the kernel has it (path_resolution(7)) */
#define DIR_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void tree_init(struct tree *t, int root, bool rootless)
{
	t->root = root;
	t->rootless = rootless;
	t->parent = FD_NONE;
	t->stale = false;
	t->parent_path[0] = '\0';
	t->parent_real[0] = '\0';
}

void tree_done(struct tree *t)
{
	t->parent = fd_close(t->parent);
}

int tree_clean_path(const char *path, char *ret, struct error *err)
{
	size_t n = 0;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.')
			return error_set(err, EBADMSG, "the name \"%.200s\" leads out of the layer",
					 path);
		if (len > 0 && !(len == 1 && p[0] == '.')) {
			if (n + len + 2 > PATH_MAX)
				return error_set(err, ENAMETOOLONG, "a name has more than %d bytes",
						 PATH_MAX - 1);
			if (n)
				ret[n++] = '/';
			memcpy(ret + n, p, len);
			n += len;
		}
		p += len + (p[len] == '/');
	}
	ret[n] = '\0';
	return 0;
}

/* ---- walking ---- */

struct walk {
	struct tree *tree;
	bool create;
	int fd;		     /* where it is */
	char real[PATH_MAX]; /* the same as a path without links */
	char todo[PATH_MAX]; /* what is left to walk */
	unsigned links, depth;
};

static int reopen(struct walk *w, const char *real)
{
	int fd = real[0] ? sys_openat2(w->tree->root, real, O_PATH | DIR_FLAGS, 0,
				       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
			 : openat(w->tree->root, ".", O_PATH | DIR_FLAGS);
	if (fd < 0)
		return real[0] ? fd : -errno;
	fd_close(w->fd);
	w->fd = fd;
	return 0;
}

/* ".." of a link's target; at the layer's own directory it stays there. */
static int walk_up(struct walk *w)
{
	char *slash = strrchr(w->real, '/');
	*(slash ? slash : w->real) = '\0';
	w->depth -= w->depth > 0;
	return reopen(w, w->real);
}

/* Puts a link's target before what is left to walk. */
static int walk_link(struct walk *w, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	size_t left = strlen(w->todo);
	if (++w->links > MAX_LINKS)
		return -ELOOP;
	if ((size_t)n + 1 + left + 1 > sizeof(w->todo))
		return -ENAMETOOLONG;
	memmove(w->todo + n + 1, w->todo, left + 1);
	memcpy(w->todo, target, (size_t)n);
	w->todo[n] = '/';
	if (target[0] != '/')
		return 0;
	w->real[0] = '\0';
	w->depth = 0;
	return reopen(w, "");
}

static int walk_into(struct walk *w, int fd, const char *name)
{
	size_t n = strlen(w->real), len = strlen(name);
	if (n + len + 2 > sizeof(w->real) || ++w->depth > TREE_MAX_DEPTH) {
		fd_close(fd);
		return -ENAMETOOLONG;
	}
	if (n)
		w->real[n++] = '/';
	memcpy(w->real + n, name, len + 1);
	fd_close(w->fd);
	w->fd = fd;
	return 0;
}

/* A component that is not there, or is no directory and no link. */
static int walk_make(struct walk *w, const char *name, struct error *err)
{
	struct place p = { w->fd, name };
	CLEANUP_FD int dir = tree_make_dir(w->tree, &p, err);
	if (dir < 0)
		return dir;
	if (fchmod(dir, 0755) < 0)
		return -errno;
	int fd = openat(w->fd, name, O_PATH | DIR_FLAGS);
	return fd < 0 ? -errno : walk_into(w, fd, name);
}

static int walk_component(struct walk *w, const char *name, struct error *err)
{
	if (name[0] == '\0' || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return walk_up(w);
	int fd = openat(w->fd, name, O_PATH | DIR_FLAGS);
	if (fd >= 0)
		return walk_into(w, fd, name);
	int e = errno;
	if (e == ENOTDIR || e == ELOOP) {
		int r = walk_link(w, name);
		if (r != -EINVAL) /* EINVAL: not a link */
			return r;
	}
	if ((e == ENOENT || e == ENOTDIR) && w->create)
		return walk_make(w, name, err);
	return -e;
}

static int walk_all(struct walk *w, struct error *err)
{
	char name[NAME_MAX + 1];
	int r = reopen(w, "");
	while (r == 0 && w->todo[0]) {
		size_t len = strcspn(w->todo, "/");
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, w->todo, len);
		name[len] = '\0';
		size_t skip = len + (w->todo[len] == '/');
		memmove(w->todo, w->todo + skip, strlen(w->todo + skip) + 1);
		r = walk_component(w, name, err);
	}
	return r;
}

int tree_place(struct tree *t, const char *path, bool create, struct place *ret, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	*ret = (struct place){ t->parent, slash ? slash + 1 : path };
	if (t->parent >= 0 && !t->stale && strlen(t->parent_path) == len &&
	    memcmp(t->parent_path, path, len) == 0)
		return 0;
	struct walk w = { .tree = t, .create = create, .fd = FD_NONE };
	memcpy(w.todo, path, len);
	w.todo[len] = '\0';
	error_clear(err);
	int r = walk_all(&w, err);
	if (r < 0) {
		fd_close(w.fd);
		return err->err ? r : error_sys(err, -r, "cannot get to %.200s", path);
	}
	fd_close(t->parent);
	t->parent = ret->dir = w.fd;
	t->stale = false;
	memcpy(t->parent_path, path, len);
	t->parent_path[len] = '\0';
	strcpy(t->parent_real, w.real);
	return 0;
}

int tree_open_real(const struct tree *t, const char *real)
{
	if (real[0])
		return sys_openat2(t->root, real, O_RDONLY | DIR_FLAGS, 0,
				   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	int fd = openat(t->root, ".", O_RDONLY | DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}

/* ---- changing ---- */

int tree_clear(struct tree *t, const struct place *p, struct error *err)
{
	int r = file_remove_tree(p->dir, p->name);
	t->stale = true;
	return r < 0 ? error_sys(err, -r, "cannot replace %.200s", p->name) : 0;
}

int tree_make_opaque(const struct tree *t, int dir, struct error *err)
{
	const char *key = t->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
	if (fsetxattr(dir, key, "y", 1, 0) == 0) {
		/* root's images are layers of containers with a user namespace as well, which read the other one; where the
		 * file system has none of that kind (tmpfs before Linux 6.6), they cannot be */
		if (!t->rootless)
			(void)fsetxattr(dir, "user.overlay.opaque", "y", 1, 0);
		return 0;
	}
	int e = errno;
	error_sys(err, e, "cannot set the attribute %s", key);
	if (e == EOPNOTSUPP || e == EPERM)
		error_hint(err,
			   "the image store must be on a file system with extended attributes");
	return -e;
}

int tree_make_dir(struct tree *t, const struct place *p, struct error *err)
{
	bool replaced = false;

	if (mkdirat(p->dir, p->name, 0700) < 0) {
		struct stat st;
		if (errno != EEXIST || fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_sys(err, errno, "cannot make the directory %.200s", p->name);
		if (!S_ISDIR(st.st_mode)) {
			if (unlinkat(p->dir, p->name, 0) < 0 || mkdirat(p->dir, p->name, 0700) < 0)
				return error_sys(err, errno, "cannot make the directory %.200s",
						 p->name);
			replaced = t->stale = true;
		}
	}
	CLEANUP_FD int fd = openat(p->dir, p->name, O_RDONLY | DIR_FLAGS);
	if (fd < 0)
		return error_sys(err, errno, "cannot open the directory %.200s", p->name);
	int r = replaced ? tree_make_opaque(t, fd, err) : 0;
	return r < 0 ? r : take_fd(&fd);
}

int tree_whiteout(struct tree *t, const struct place *p, struct error *err)
{
	struct stat st;

	if (mknodat(p->dir, p->name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST || fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		int e = errno;
		error_sys(err, e, "cannot make a whiteout for %.200s", p->name);
		if (e == EPERM && t->rootless)
			error_hint(err, "without root this needs Linux 5.8 or newer");
		return -e;
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	CLEANUP_FD int dir = openat(p->dir, p->name, O_RDONLY | DIR_FLAGS);
	if (dir < 0)
		return error_sys(err, errno, "cannot open the directory %.200s", p->name);
	return tree_make_opaque(t, dir, err);
}
