/* SPDX-License-Identifier: Apache-2.0 */
/* walk.c - see walk.h. */
#include "container/cgroup/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"

/* One directory on the way down: the names of its children, NUL-separated, and which one is next. */
struct level {
	struct buf names;
	size_t next;
};
struct walk {
	int fd; /* the directory that we are in */
	struct level *levels;
	size_t depth;
};

static void walk_done(struct walk *w)
{
	while (w->depth > 0)
		buf_done(&w->levels[--w->depth].names);
	free(w->levels);
	w->fd = fd_close(w->fd);
}

bool walk_has_children(int dirfd)
{
	struct stat st; /* kernfs counts the directories below in the link count */
	return fstatat(dirfd, ".", &st, 0) == 0 && st.st_nlink > 2;
}

static int read_names(int fd, struct buf *names)
{
	if (!walk_has_children(fd))
		return 0;
	CLEANUP_FD int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	(void)take_fd(&copy);
	struct dirent *de;
	while ((de = readdir(dir)))
		if (de->d_type == DT_DIR && strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			buf_add(names, de->d_name, strlen(de->d_name) + 1);
	closedir(dir);
	return 0;
}

/* Enters the directory fd (taken) and lists its children. */
static int push(struct walk *w, int fd)
{
	fd_close(w->fd);
	w->fd = fd;
	w->levels = xrealloc(w->levels, (w->depth + 1) * sizeof(*w->levels));
	struct level *l = &w->levels[w->depth++];
	*l = (struct level){ .names = BUF_INIT };
	return read_names(fd, &l->names);
}

/* The child that the walk stands at; NULL when the level is done. */
static const char *child(const struct level *l)
{
	return l->next < l->names.len ? l->names.data + l->next : NULL;
}

static void skip(struct level *l)
{
	l->next += strlen(l->names.data + l->next) + 1;
}

/* Back to the parent, which stands at the child that we come from. */
static int pop(struct walk *w)
{
	buf_done(&w->levels[--w->depth].names);
	if (w->depth == 0)
		return 0;
	int up = openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (up < 0)
		return -errno;
	fd_close(w->fd);
	w->fd = up;
	return 0;
}

static int down(struct walk *w, bool depth_first, walk_fn *fn, void *arg)
{
	struct level *l = &w->levels[w->depth - 1];
	const char *name = child(l);
	int fd = openat(w->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		skip(l);
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	}
	int r = depth_first ? 0 : fn(arg, w->fd, name);
	if (r != 0) {
		fd_close(fd);
		return r;
	}
	return push(w, fd);
}

static int up(struct walk *w, bool depth_first, walk_fn *fn, void *arg)
{
	int r = pop(w);
	if (r < 0 || w->depth == 0)
		return r;
	struct level *l = &w->levels[w->depth - 1];
	r = depth_first ? fn(arg, w->fd, child(l)) : 0;
	skip(l);
	return r;
}

int walk_groups(int dirfd, bool depth_first, walk_fn *fn, void *arg)
{
	CLEANUP(walk_done) struct walk w = { .fd = FD_NONE };
	int r = depth_first ? 0 : fn(arg, dirfd, ".");
	if (r != 0)
		return r;
	if (walk_has_children(dirfd)) {
		int fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT || errno == ENODEV ? 0 : -errno;
		r = push(&w, fd);
		while (r == 0 && w.depth > 0)
			r = child(&w.levels[w.depth - 1]) ? down(&w, depth_first, fn, arg)
							  : up(&w, depth_first, fn, arg);
		if (r != 0)
			return r;
	}
	return depth_first ? fn(arg, dirfd, ".") : 0;
}
