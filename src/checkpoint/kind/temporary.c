/* SPDX-License-Identifier: Apache-2.0 */
/* temporary.c - see temporary.h. */
#include "checkpoint/kind/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "sys/openat2.h"

static int note(struct temporary *t, int parent, const char *name, bool is_dir)
{
	int fd = fcntl(parent, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	t->made[t->n++] =
		(struct temporary_name){ .parent = fd, .name = xstrdup(name), .is_dir = is_dir };
	return 0;
}

void temporary_remove(struct temporary *t)
{
	while (t->n > 0) {
		struct temporary_name *m = &t->made[--t->n];
		(void)unlinkat(m->parent, m->name, m->is_dir ? AT_REMOVEDIR : 0);
		fd_close(m->parent);
		free(m->name);
	}
	if (t->where >= 0) {
		const struct timespec times[2] = { t->st.st_atim, t->st.st_mtim };
		(void)futimens(t->where, times);
		t->where = fd_close(t->where);
	}
}

static int open_dir(int at, const char *path)
{
	return sys_openat2(at, path, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
}

/* Remembers the times of a directory that will be written to: the first one. */
static int remember(struct temporary *t, int dir)
{
	if (t->where >= 0)
		return 0;
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &t->st) < 0) {
		int r = -errno;
		fd_close(fd);
		return r;
	}
	t->where = fd;
	return 0;
}

/* Opens the directory part of path, making what is missing. */
static int make_parent(struct temporary *t, const char *path)
{
	CLEANUP_STR char *copy = xstrdup(path);
	CLEANUP_FD int dir = open_dir(AT_FDCWD, "/");
	if (dir < 0)
		return dir;
	char *rest = NULL;
	char *part = strtok_r(copy, "/", &rest);
	for (char *next; part && (next = strtok_r(NULL, "/", &rest)); part = next) {
		int child = open_dir(dir, part);
		if (child == -ENOENT) {
			if (t->n == TEMPORARY_DEPTH - 1)
				return -ENAMETOOLONG;
			int r = remember(t, dir);
			if (r == 0 && mkdirat(dir, part, 0700) < 0)
				r = -errno;
			if (r == 0)
				r = note(t, dir, part, true);
			child = r < 0 ? r : open_dir(dir, part);
		}
		if (child < 0)
			return child;
		fd_close(dir);
		dir = child;
	}
	int r = remember(t, dir);
	return r < 0 ? r : take_fd(&dir);
}

static int make_node(int dir, const char *name, uint32_t type)
{
	int fd;
	if (S_ISREG(type)) {
		fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		return fd < 0 ? -errno : fd;
	}
	if (S_ISDIR(type) ? mkdirat(dir, name, 0700) < 0 : mkfifoat(dir, name, 0600) < 0)
		return -errno;
	if (S_ISDIR(type))
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	else
		fd = openat(dir, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int r = -errno;
	(void)unlinkat(dir, name, S_ISDIR(type) ? AT_REMOVEDIR : 0);
	return r;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int temporary_make(struct temporary *t, const char *path, uint32_t type, struct error *err)
{
	if (!S_ISREG(type) && !S_ISDIR(type) && !S_ISFIFO(type))
		return error_set(err, EBADMSG, "%s: no file of this type can be made", path);
	if (path[0] != '/' || !*last_part(path))
		return error_set(err, EBADMSG, "'%s' is no path of a file", path);
	CLEANUP_FD int dir = make_parent(t, path);
	if (dir < 0)
		return error_sys(err, -dir, "%s: its directory cannot be used", path);
	char name[64];
	const char *wanted = last_part(path);
	int fd = make_node(dir, wanted, type);
	for (unsigned i = 0; fd == -EEXIST && i < 1000; i++) {
		(void)snprintf(name, sizeof(name), ".contexe-deleted-%u", i);
		wanted = name;
		fd = make_node(dir, wanted, type);
	}
	if (fd < 0)
		return error_sys(err, -fd, "%s: it cannot be made for a moment", path);
	int r = note(t, dir, wanted, S_ISDIR(type));
	if (r < 0) {
		(void)unlinkat(dir, wanted, S_ISDIR(type) ? AT_REMOVEDIR : 0);
		fd_close(fd);
		return error_sys(err, -r, "%s", path);
	}
	return fd;
}

int temporary_nameless(struct temporary *t, const char *path)
{
	if (path[0] != '/')
		return -EINVAL;
	CLEANUP_FD int dir = make_parent(t, path);
	if (dir < 0)
		return dir;
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int temporary_link(struct temporary *t, const char *existing, const char *path)
{
	CLEANUP_FD int dir = make_parent(t, path);
	if (dir < 0)
		return dir;
	if (linkat(AT_FDCWD, existing, dir, last_part(path), 0) < 0)
		return -errno;
	int r = note(t, dir, last_part(path), false);
	if (r < 0)
		(void)unlinkat(dir, last_part(path), 0);
	return r;
}
