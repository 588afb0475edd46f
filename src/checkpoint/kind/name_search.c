/* SPDX-License-Identifier: Apache-2.0 */
/* name_search.c - see name_search.h. */
#include "checkpoint/kind/name_search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/openat2.h"

#define DEPTH_MAX 200 /* each level holds a descriptor */

struct walk {
	const struct name_search *s;
	struct buf path; /* of the directory that is looked at, without a slash at its end */
	size_t seen;
};

int name_search_root(const struct collect *c)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "%d/root", (int)c->init);
	int fd = openat(c->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_it(const struct walk *w, int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_ino == w->s->ino && w->s->is_it(fd, w->s->arg);
}

static int walk_dir(struct walk *w, int fd, unsigned depth);

/* One name: 1 found, 0 not, -errno. */
static int walk_entry(struct walk *w, int dir, const struct dirent *d, unsigned depth)
{
	if (++w->seen > NAME_SEARCH_MAX)
		return -E2BIG;
	if (d->d_ino == w->s->ino) {
		CLEANUP_FD int fd =
			sys_openat2(dir, d->d_name, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_XDEV);
		if (fd >= 0 && is_it(w, fd)) {
			buf_printf(&w->path, "/%s", d->d_name);
			return 1;
		}
	}
	if (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN)
		return 0;
	int fd = sys_openat2(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			     RESOLVE_NO_XDEV);
	if (fd < 0)
		return 0;
	size_t len = w->path.len;
	buf_printf(&w->path, "/%s", d->d_name);
	int r = walk_dir(w, fd, depth + 1);
	if (r != 1) {
		w->path.len = len;
		w->path.data[len] = 0;
	}
	return r;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* fd is taken over. */
static int walk_dir(struct walk *w, int fd, unsigned depth)
{
	CLEANUP(close_dir) DIR *dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	if (!dir) {
		fd_close(fd);
		return depth < DEPTH_MAX ? -ENOMEM : -E2BIG;
	}
	const struct dirent *d;
	while ((d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		int r = walk_entry(w, fd, d, depth);
		if (r)
			return r;
	}
	return 0;
}

/* Everything below one directory, itself included. 1 found: w->path, 0 not, -errno. */
static int walk_from(struct walk *w, int root, const char *start)
{
	CLEANUP_FD int top =
		sys_openat2(root, start, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (top < 0)
		return top;
	buf_reset(&w->path);
	if (is_it(w, top)) {
		buf_puts(&w->path, start);
		return 1;
	}
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) /* a single file that is mounted */
		return errno == ENOTDIR ? 0 : -errno;
	buf_puts(&w->path, strcmp(start, "/") == 0 ? "" : start);
	return walk_dir(w, fd, 0);
}

/* From the directory of s->near up to, but without, `start`: each with all below it. */
static int walk_near(struct walk *w, int root, const char *start)
{
	CLEANUP_STR char *dir = xstrdup(w->s->near ? w->s->near : "");
	int r = 0;
	for (char *slash; r != 1 && (slash = strrchr(dir, '/')) && slash != dir;) {
		*slash = 0;
		if (strlen(dir) <= strlen(start))
			break;
		r = walk_from(w, root, dir);
		if (r == -E2BIG)
			return r;
	}
	return r == 1;
}

int name_search(struct collect *c, const char *start, const struct name_search *s, char **ret)
{
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return root;
	struct walk w = { .s = s };
	int r = walk_near(&w, root, start);
	if (r == 0)
		r = walk_from(&w, root, start);
	if (r == 1)
		*ret = arena_strdup(c->arena, buf_str(&w.path));
	buf_done(&w.path);
	return r == 1 ? 0 : r < 0 ? r : -ENOENT;
}
