/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inroot.c - paths of the image, resolved without ever leaving its root.
 *
 * What exists is opened by one openat2(RESOLVE_IN_ROOT). What is missing, and everything when openat2 is
 * not to be had (a seccomp filter that answers ENOSYS or EPERM), is walked by hand, one component at a
 * time with O_PATH | O_NOFOLLOW.
 *
 * Invariant of the walk by hand: the directories entered are kept as a stack of descriptors and ".." pops
 * it. The kernel never sees "..", a slash or a symlink, so there is no path that could lead outside.
 */
#include "container/rootfs/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "container/rootfs/rootfs.h"
#include "sys/openat2.h"

#define LINKS_MAX 40 /* as the kernel: path_resolution(7) */

struct walk {
	const struct inroot_how *how;
	int root;     /* the caller's */
	int *dirs;    /* those entered below the root, innermost last; ours */
	size_t depth; /* how many */
	size_t room;
	char *path; /* what is still to be walked, ours ... */
	char *next; /* ... from here on */
	unsigned links;
};

static void walk_done(struct walk *w)
{
	while (w->depth > 0)
		fd_close(w->dirs[--w->depth]);
	free(w->dirs);
	free(w->path);
}

static int walk_cwd(const struct walk *w)
{
	return w->depth ? w->dirs[w->depth - 1] : w->root;
}

static void walk_up(struct walk *w)
{
	if (w->depth > 0)
		fd_close(w->dirs[--w->depth]);
}

static void walk_down(struct walk *w, int dir)
{
	if (w->depth == w->room) {
		w->room = w->room ? w->room * 2 : 16;
		w->dirs = xrealloc(w->dirs, w->room * sizeof(*w->dirs));
	}
	w->dirs[w->depth++] = dir;
}

/* Takes the next component off the path: 1, 0 at the end, or -ENAMETOOLONG. */
static int walk_next(struct walk *w, char name[NAME_MAX + 1])
{
	w->next += strspn(w->next, "/");
	size_t n = strcspn(w->next, "/");
	if (n == 0)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->next, n);
	name[n] = '\0';
	w->next += n;
	return 1;
}

static bool walk_at_end(const struct walk *w)
{
	return w->next[strspn(w->next, "/")] == '\0';
}

static int make_missing(int dir, const char *name, const struct inroot_how *how, bool last)
{
	int r;

	if (last && how->make == INROOT_MAKE_FILE)
		r = mknodat(dir, name, S_IFREG | how->mode, 0);
	else
		r = mkdirat(dir, name, how->make == INROOT_MAKE_FILE ? 0755 : how->mode);
	return r < 0 && errno != EEXIST ? -errno : 0;
}

/* Opens one component, making it if it is missing and may be made. Descriptor (O_PATH) or -errno. */
static int open_component(const struct walk *w, const char *name, bool last)
{
	int dir = walk_cwd(w);
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT || w->how->make == INROOT_MAKE_NOTHING)
		return fd >= 0 ? fd : -errno;
	int r = make_missing(dir, name, w->how, last);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* Puts the text of a symlink in front of what is still to be walked. */
static int walk_link(struct walk *w, int link)
{
	char text[PATH_MAX];

	if (w->how->no_symlinks || ++w->links > LINKS_MAX)
		return -ELOOP;
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	text[n] = '\0';
	if (text[0] == '/')
		while (w->depth > 0)
			walk_up(w);
	char *path = xasprintf("%s%s", text, w->next); /* that begins with a slash, or is empty */
	free(w->path);
	w->path = w->next = path;
	return 0;
}

/* Goes one component further. What is no directory comes back in *leaf. */
static int walk_component(struct walk *w, const char *name, int *leaf)
{
	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		walk_up(w);
		return 0;
	}
	bool last = walk_at_end(w);
	bool as_dir = *w->next == '/'; /* "name/" */
	CLEANUP_FD int fd = open_component(w, name, last);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(last && !as_dir && (w->how->flags & O_NOFOLLOW)))
		return walk_link(w, fd);
	if (S_ISDIR(st.st_mode))
		walk_down(w, take_fd(&fd));
	else if (last && !as_dir)
		*leaf = take_fd(&fd);
	else
		return -ENOTDIR;
	return 0;
}

/* The descriptor that was asked for, of the place where the walk ended. */
static int walk_result(struct walk *w, int *leaf, const char *name)
{
	int flags = w->how->flags | O_CLOEXEC;
	int fd;

	if (*leaf >= 0 && (flags & O_DIRECTORY))
		return -ENOTDIR;
	if (*leaf >= 0 && (flags & O_PATH))
		return take_fd(leaf);
	if (*leaf >= 0)
		fd = openat(walk_cwd(w), name, flags | O_NOFOLLOW);
	else
		fd = openat(walk_cwd(w), ".", flags);
	return fd >= 0 ? fd : -errno;
}

static int resolve_by_hand(int root, const char *path, const struct inroot_how *how)
{
	CLEANUP(walk_done) struct walk w = { .how = how, .root = root, .path = xstrdup(path) };
	CLEANUP_FD int leaf = FD_NONE;
	char name[NAME_MAX + 1] = "";
	int r;

	w.next = w.path;
	while ((r = walk_next(&w, name)) > 0) {
		r = walk_component(&w, name, &leaf);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : walk_result(&w, &leaf, name);
}

/* As a rule only the last part is missing. -ENOENT: not so, or it is more complicated. */
static int make_last(int root, const char *path, const struct inroot_how *how, uint64_t resolve)
{
	char name[NAME_MAX + 1], parent[PATH_MAX];
	size_t n;
	if (inroot_split(path, name, &n) < 0 || n >= sizeof(parent) || path[n + strlen(name)])
		return -ENOENT;
	memcpy(parent, path, n);
	parent[n] = '\0';
	CLEANUP_FD int dir = sys_openat2(root, n ? parent : "/", O_PATH | O_DIRECTORY, 0, resolve);
	int r = dir < 0 ? dir : make_missing(dir, name, how, true);
	return r < 0 ? r : sys_openat2(root, path, (uint64_t)how->flags, 0, resolve);
}

int inroot_resolve(int root, const char *path, const struct inroot_how *how)
{
	uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	if (how->no_symlinks)
		resolve |= RESOLVE_NO_SYMLINKS;
	if (!*path)
		path = "/";
	int fd = sys_openat2(root, path, (uint64_t)how->flags, 0, resolve);
	if (fd == -ENOENT && how->make != INROOT_MAKE_NOTHING)
		fd = make_last(root, path, how, resolve);
	if (fd == -ENOENT && how->make != INROOT_MAKE_NOTHING)
		return resolve_by_hand(root, path, how);
	if (fd == -ENOSYS || fd == -EPERM)
		return resolve_by_hand(root, path, how);
	return fd;
}

int inroot_split(const char *path, char name[NAME_MAX + 1], size_t *ret_before)
{
	size_t end = strlen(path);
	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	size_t n = end - start;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + start, n);
	name[n] = '\0';
	if (n == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	*ret_before = start;
	return 0;
}

int inroot_parent(int root, const char *path, bool no_symlinks)
{
	struct inroot_how how = { .flags = O_PATH | O_DIRECTORY,
				  .no_symlinks = no_symlinks,
				  .make = INROOT_MAKE_DIR,
				  .mode = 0755 };
	return inroot_resolve(root, path, &how);
}

int inroot_open(int root, const char *path, int flags)
{
	struct inroot_how how = { .flags = flags };
	return inroot_resolve(root, path, &how);
}

int inroot_mkdirs(int root, const char *path, mode_t mode)
{
	struct inroot_how how = { .flags = O_PATH | O_DIRECTORY,
				  .make = INROOT_MAKE_DIR,
				  .mode = mode };
	return inroot_resolve(root, path, &how);
}
