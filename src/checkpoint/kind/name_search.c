/* SPDX-License-Identifier: Apache-2.0 */
/* name_search.c - see name_search.h. */
#include "checkpoint/kind/name_search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/openat2.h"

#define DEPTH_MAX 200 /* each level holds a descriptor */

struct walk {
	struct collect *c;
	const struct name_search *s;
	struct buf path; /* of the directory that is looked at, without a slash at its end */
	size_t seen, left;
};

int name_search_root(const struct collect *c)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "%d/root", (int)c->init);
	int fd = openat(c->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int by_ino(const void *a, const void *b)
{
	const struct name_wanted *x = a, *y = b;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* The first that is wanted with this number, or NULL. */
static struct name_wanted *first_with(const struct walk *w, uint64_t ino)
{
	size_t low = 0, high = w->s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (w->s->v[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->s->n && w->s->v[low].ino == ino ? &w->s->v[low] : NULL;
}

/* An inode and its path, in w->path: 1 when all are found. */
static int judge(struct walk *w, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return 0;
	struct name_wanted *end = w->s->v + w->s->n;
	for (struct name_wanted *n = first_with(w, st.st_ino); n && n < end && n->ino == st.st_ino;
	     n++)
		if (!n->path && w->s->is_it(fd, n->arg)) {
			n->path = arena_strdup(w->c->arena, w->path.len ? buf_str(&w->path) : "/");
			w->left--;
		}
	return w->left == 0;
}

static int walk_dir(struct walk *w, int fd, unsigned depth);

/* One name: 1 when all are found, 0, -errno. w->path is that of the name. */
static int walk_name(struct walk *w, int dir, const struct dirent *d, unsigned depth)
{
	bool may_be_dir = d->d_type == DT_DIR || d->d_type == DT_UNKNOWN;
	int r = 0;
	if (d->d_type != DT_DIR && first_with(w, d->d_ino)) {
		CLEANUP_FD int fd =
			sys_openat2(dir, d->d_name, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_XDEV);
		r = fd >= 0 ? judge(w, fd) : 0;
	}
	if (r || !may_be_dir)
		return r;
	int fd = sys_openat2(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			     RESOLVE_NO_XDEV);
	if (fd < 0)
		return 0;
	/* overlayfs gives directories numbers of their own, other than those in lists of names */
	r = judge(w, fd);
	if (r == 0)
		return walk_dir(w, fd, depth + 1);
	fd_close(fd);
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
		if (++w->seen > NAME_SEARCH_MAX)
			return -E2BIG;
		size_t len = w->path.len;
		buf_printf(&w->path, "/%s", d->d_name);
		int r = walk_name(w, fd, d, depth);
		w->path.len = len;
		w->path.data[len] = 0;
		if (r)
			return r;
	}
	return 0;
}

/* Everything below one directory, itself included. 1 when all are found, 0, -errno. */
static int walk_from(struct walk *w, int root, const char *start)
{
	CLEANUP_FD int top =
		sys_openat2(root, start, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (top < 0)
		return top;
	buf_reset(&w->path);
	buf_puts(&w->path, strcmp(start, "/") == 0 ? "" : start);
	if (judge(w, top))
		return 1;
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) /* a single file that is mounted */
		return errno == ENOTDIR ? 0 : -errno;
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

int name_search(struct collect *c, const char *start, const struct name_search *s)
{
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return root;
	struct walk w = { .c = c, .s = s };
	qsort(s->v, s->n, sizeof(*s->v), by_ino);
	for (size_t i = 0; i < s->n; i++)
		w.left += !s->v[i].path;
	if (!w.left)
		return 0;
	int r = walk_near(&w, root, start);
	if (r == 0)
		r = walk_from(&w, root, start);
	buf_done(&w.path);
	return r == 1 ? 0 : r < 0 ? r : -ENOENT;
}
