/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapped_file.c - the open files behind mappings, see dump.h.
 *
 * /proc/PID/map_files/A-B leads to the very file, deleted or never named, but only root of the
 * first user namespace may follow it. Others look among the task's descriptors, then by its path;
 * what is found must be the same inode.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "sys/openat2.h"

#define PATH_SIZE 128
#define NO_NUMBER (-1) /* mapped, under no descriptor */

const char *mapping_text(const struct maps_entry *e, char *buf, size_t size)
{
	(void)snprintf(buf, size, "mapping %" PRIx64 "-%" PRIx64 "%s%.190s%s", e->start, e->end,
		       e->name[0] ? " (" : "", e->name, e->name[0] ? ")" : "");
	return buf;
}

/* ---- ways to open it ---- */

static bool is_file_of(const struct maps_entry *e, const struct stat *st)
{
	return st->st_ino == e->inode && major(st->st_dev) == e->dev_major &&
	       minor(st->st_dev) == e->dev_minor;
}

static int open_descriptor(struct collect *c, pid_t pid, const struct maps_entry *e, int mode)
{
	char path[PATH_SIZE];
	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	int fd = openat(c->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		(void)fd_close(fd);
		return -ENOENT;
	}
	int found = -ENOENT;
	for (struct dirent *entry; found < 0 && (entry = readdir(dir));) {
		struct stat st;
		if (entry->d_name[0] == '.' || fstatat(fd, entry->d_name, &st, 0) < 0 ||
		    !is_file_of(e, &st))
			continue;
		found = openat(fd, entry->d_name, mode | O_CLOEXEC);
		if (found < 0)
			found = -errno;
	}
	(void)closedir(dir);
	return found;
}

static int open_path(struct collect *c, pid_t pid, const struct maps_entry *e, int mode)
{
	char path[PATH_SIZE];
	if (e->name[0] != '/')
		return -ENOENT;
	(void)snprintf(path, sizeof(path), "%d/root", (int)pid);
	CLEANUP_FD int root = openat(c->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	CLEANUP_FD int fd = sys_openat2(root, e->name, (uint64_t)mode | O_NOCTTY | O_NONBLOCK, 0,
					RESOLVE_IN_ROOT);
	struct stat st;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !is_file_of(e, &st))
		return -ESTALE; /* another one has that name now */
	return take_fd(&fd);
}

static int mapped_open(struct collect *c, pid_t pid, const struct maps_entry *e, int mode)
{
	char path[PATH_SIZE];
	(void)snprintf(path, sizeof(path), "%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, e->start,
		       e->end);
	int fd = openat(c->proc, path, mode | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 || (errno != EPERM && errno != EACCES && errno != ENOENT))
		return fd < 0 ? -errno : fd;
	int first = -errno;
	fd = open_descriptor(c, pid, e, mode);
	if (fd < 0)
		fd = open_path(c, pid, e, mode);
	return fd < 0 ? first : fd;
}

/* ---- one object for all that map it alike ---- */

static struct mapped_file *mapped_find(struct memory_dump *d, uint64_t dev, uint64_t ino, int mode)
{
	for (size_t i = 0; i < d->n_files; i++)
		if (d->files[i].ino == ino && d->files[i].dev == dev && d->files[i].mode == mode)
			return &d->files[i];
	return NULL;
}

static void mapped_add(struct memory_dump *d, uint64_t dev, uint64_t ino, int mode, uint64_t id)
{
	struct mapped_file *f = arena_push(&d->arena, d->files, d->n_files);
	*f = (struct mapped_file){ dev, ino, mode, id };
}

/* fd is taken over. */
static int64_t mapped_take(struct memory_dump *d, struct collect *c, pid_t pid, int fd, int mode,
			   const struct stat *st, struct error *err)
{
	int64_t id = collect_file_take(c, fd, (struct object_holder){ pid, NO_NUMBER }, err);
	if (id > 0)
		mapped_add(d, st->st_dev, st->st_ino, mode, (uint64_t)id);
	return id;
}

int64_t mapped_file_take(struct memory_dump *d, struct collect *c, pid_t pid,
			 const struct maps_entry *e, struct error *err)
{
	int mode = e->shared && e->flags & MAPS_MAYWRITE ? O_RDWR : O_RDONLY;
	char path[PATH_SIZE], text[MAPPING_TEXT_SIZE], why[128];
	(void)snprintf(path, sizeof(path), "%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, e->start,
		       e->end);
	/* the device that maps shows is not always that of stat(2): btrfs, overlayfs */
	struct stat st;
	if (fstatat(c->proc, path, &st, 0) == 0) {
		const struct mapped_file *known = mapped_find(d, st.st_dev, st.st_ino, mode);
		if (known)
			return (int64_t)known->id;
	}
	CLEANUP_FD int fd = mapped_open(c, pid, e, mode);
	if (fd < 0) {
		(void)snprintf(why, sizeof(why), "its file cannot be opened: %s", strerror(-fd));
		return collect_refuse(c, pid, mapping_text(e, text, sizeof(text)), why,
				      geteuid() == 0 ? "make the program unmap it first"
						     : "checkpoint as root");
	}
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot look at a mapped file");
	const struct mapped_file *known = mapped_find(d, st.st_dev, st.st_ino, mode);
	if (known)
		return (int64_t)known->id;
	return mapped_take(d, c, pid, take_fd(&fd), mode, &st, err);
}

int64_t mapped_file_take_exe(struct memory_dump *d, struct collect *c, pid_t pid, struct error *err)
{
	char path[PATH_SIZE], why[128];
	(void)snprintf(path, sizeof(path), "%d/exe", (int)pid);
	struct stat st;
	if (fstatat(c->proc, path, &st, 0) == 0) {
		const struct mapped_file *known = mapped_find(d, st.st_dev, st.st_ino, O_RDONLY);
		if (known)
			return (int64_t)known->id;
	}
	CLEANUP_FD int fd = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		(void)snprintf(why, sizeof(why), "the program's file cannot be opened: %s",
			       strerror(errno));
		return collect_refuse(c, pid, "program", why, "checkpoint as root");
	}
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot look at the program's file");
	return mapped_take(d, c, pid, take_fd(&fd), O_RDONLY, &st, err);
}
