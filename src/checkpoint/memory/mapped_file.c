/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapped_file.c - the open files behind mappings, see dump.h.
 *
 * /proc/PID/map_files/A-B leads to the very file, deleted or never named, but only root of the
 * first user namespace may follow it. Others look at the program itself, among all tasks' descriptors, then by its path;
 * what is found must be the same inode. Memory without a name is copied: stand_in.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/kind/procfd.h"
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

/*
 * Whether it is the file of that mapping. Where stat(2) tells another device or number than maps does (overlayfs, btrfs),
 * it is mapped here as well: then both come from the same place.
 */
static bool is_file_of(struct collect *c, const struct maps_entry *e, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (st.st_ino == e->inode && major(st.st_dev) == e->dev_major &&
	    minor(st.st_dev) == e->dev_minor)
		return true;
	void *at = mmap(NULL, IMAGE_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return false;
	struct arena arena = { 0 };
	struct maps_entry *v;
	size_t n;
	bool same = false;
	if (maps_read(c->proc, getpid(), false, &arena, &v, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (v[i].start <= (uintptr_t)at && (uintptr_t)at < v[i].end)
				same = v[i].inode == e->inode && v[i].dev_major == e->dev_major &&
				       v[i].dev_minor == e->dev_minor;
	arena_done(&arena);
	(void)munmap(at, IMAGE_PAGE);
	return same;
}

static int take_if_of(struct collect *c, const struct maps_entry *e, int fd)
{
	if (fd < 0 || is_file_of(c, e, fd))
		return fd;
	fd_close(fd);
	return -ESTALE; /* another one has that name now */
}

/* contexe-init has no name here, but a program that runs can be opened. */
static int open_exe(struct collect *c, pid_t pid, const struct maps_entry *e, int mode)
{
	char path[PATH_SIZE], name[4096];
	(void)snprintf(path, sizeof(path), "%d/exe", (int)pid);
	ssize_t n = readlinkat(c->proc, path, name, sizeof(name) - 1);
	if (n < 0 || mode != O_RDONLY)
		return -ENOENT;
	name[n] = '\0';
	if (!str_eq(name, e->name))
		return -ENOENT;
	int fd = openat(c->proc, path, mode | O_CLOEXEC);
	return take_if_of(c, e, fd < 0 ? -errno : fd);
}

/* Any descriptor of any task: all are known by now. */
static int open_descriptor(struct collect *c, const struct maps_entry *e, int mode)
{
	const struct object *o;
	for (size_t i = 0; (o = objects_at(c->objects, OBJECT_FILE, i)); i++) {
		char path[PATH_SIZE], name[4096];
		if (o->fd < 0)
			continue;
		(void)snprintf(path, sizeof(path), "self/fd/%d", o->fd);
		ssize_t n = readlinkat(c->proc, path, name, sizeof(name) - 1);
		name[n > 0 ? n : 0] = '\0';
		if (!str_eq(name, e->name))
			continue;
		int fd = take_if_of(c, e, procfd_open(c->proc, o->fd, mode));
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
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
	int fd = sys_openat2(root, e->name, (uint64_t)mode | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0,
			     RESOLVE_IN_ROOT);
	return take_if_of(c, e, fd);
}

static int mapped_open(struct memory_dump *d, struct collect *c, pid_t pid,
		       const struct maps_entry *e, int mode, struct error *err)
{
	char path[PATH_SIZE];
	(void)snprintf(path, sizeof(path), "%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, e->start,
		       e->end);
	int fd = openat(c->proc, path, mode | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 || (errno != EPERM && errno != EACCES && errno != ENOENT))
		return fd < 0 ? -errno : fd;
	int first = -errno;
	fd = open_exe(c, pid, e, mode);
	if (fd < 0)
		fd = open_descriptor(c, e, mode);
	if (fd < 0)
		fd = open_path(c, pid, e, mode);
	if (fd < 0)
		fd = stand_in_open(d, c, pid, e, mode, err);
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

static bool is_seen(const struct mapped_seen *s, const struct maps_entry *e, int mode)
{
	return s->inode == e->inode && s->dev_major == e->dev_major &&
	       s->dev_minor == e->dev_minor && s->mode == mode && str_eq(s->name, e->name);
}

/* A stand-in is looked at each time: this mapping may show more of it. */
static int64_t seen_find(const struct memory_dump *d, const struct maps_entry *e, int mode)
{
	for (size_t i = 0; i < d->n_stand_ins; i++)
		if (d->stand_ins[i].inode == e->inode &&
		    d->stand_ins[i].dev_major == e->dev_major &&
		    d->stand_ins[i].dev_minor == e->dev_minor)
			return 0;
	for (size_t i = 0; i < d->n_seen; i++)
		if (is_seen(&d->seen[i], e, mode))
			return (int64_t)d->seen[i].id;
	return 0;
}

static int64_t seen_add(struct memory_dump *d, const struct maps_entry *e, int mode, int64_t id)
{
	if (id > 0)
		*arena_push(&d->arena, d->seen, d->n_seen) =
			(struct mapped_seen){ e->dev_major, e->dev_minor,
					      e->inode,	    arena_strdup(&d->arena, e->name),
					      mode,	    (uint64_t)id };
	return id;
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
	int64_t seen = seen_find(d, e, mode);
	if (seen)
		return seen;
	CLEANUP_FD int fd = mapped_open(d, c, pid, e, mode, err);
	if (fd < 0) {
		(void)snprintf(why, sizeof(why), "its file cannot be opened: %s", strerror(-fd));
		return collect_refuse(
			c, pid, mapping_text(e, text, sizeof(text)), why,
			fd == -EPERM || fd == -EACCES
				? "checkpoint as root, or make the program unmap it first"
				: "make the program unmap it first");
	}
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot look at a mapped file");
	const struct mapped_file *known = mapped_find(d, st.st_dev, st.st_ino, mode);
	int64_t id =
		known ? (int64_t)known->id : mapped_take(d, c, pid, take_fd(&fd), mode, &st, err);
	return seen_add(d, e, mode, id);
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
