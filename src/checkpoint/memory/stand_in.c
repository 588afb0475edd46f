/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stand_in.c - shared memory that only mappings know of: MAP_SHARED | MAP_ANONYMOUS, a memfd or a file of a tmpfs whose name
 * and descriptors are gone. See dump.h.
 *
 * Root opens it by /proc/PID/map_files. For others a memfd of ours takes its place: what any task maps of it is copied
 * there, by /proc/PID/mem. Nobody can tell the difference: who maps it can neither ask for its seals nor for its
 * size, and pages beyond its end, which nobody can read, are beyond the end of the memfd.
 *
 * A file of a tmpfs can have another name yet (sem_open(3) makes its files under a temporary one): that is looked for first.
 * A file of a disk is none of this: it is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/inject/tracee.h"
#include "checkpoint/kind/filter_program.h"
#include "checkpoint/kind/name_search.h"
#include "checkpoint/kind/procfd.h"
#include "checkpoint/memory/dump.h"
#include "sys/openat2.h"

#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)
#define DELETED	     " (deleted)"
#define NAME_MAX_    240 /* a memfd's has at most 249 */

static bool str_ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);
	return n >= m && str_eq(s + n - m, tail);
}

/* ---- another name ---- */

static bool is_on(const struct stat *st, const struct maps_entry *e)
{
	return major(st->st_dev) == e->dev_major && minor(st->st_dev) == e->dev_minor;
}

static bool is_inode(int fd, void *arg)
{
	const struct maps_entry *e = arg;
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == e->inode && is_on(&st, e);
}

/* Whether path is a directory of the tmpfs that the mapping tells. */
static bool is_dir_on(int root, const char *path, const struct maps_entry *e)
{
	struct stat st;
	struct statfs fs;
	CLEANUP_FD int dir = sys_openat2(root, path[0] ? path : "/",
					 O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_IN_ROOT);
	return dir >= 0 && fstat(dir, &st) == 0 && is_on(&st, e) && fstatfs(dir, &fs) == 0 &&
	       fs.f_type == TMPFS_MAGIC;
}

/*
 * Cuts a file's path back to the topmost directory of its tmpfs. Whether there is one: names of the kernel's own tmpfs
 * lead nowhere.
 */
static bool find_top(int root, const struct maps_entry *e, char *path)
{
	size_t top = SIZE_MAX;
	for (size_t i = strlen(path); i-- > 0;) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		if (is_dir_on(root, path, e))
			top = i;
		else if (top != SIZE_MAX)
			break;
	}
	if (top == SIZE_MAX)
		return false;
	(void)snprintf(path, top + 1, "%s", e->name); /* whole again, to there */
	return true;
}

/*
 * 1: it is nowhere, only mappings know it; 0: *ret_fd is open; -ENOENT: it is not of this sort; -errno: nobody knows.
 */
static int look_for_name(struct collect *c, const struct maps_entry *e, int mode, int *ret_fd)
{
	char path[4096];
	struct name_wanted wanted = { .ino = e->inode, .arg = (void *)(uintptr_t)e };
	const struct name_search search = { .v = &wanted, .n = 1, .is_it = is_inode };
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return root;
	(void)snprintf(path, sizeof(path), "%.4000s", e->name);
	if (!find_top(root, e, path))
		return -ENOENT;
	int r = name_search(c, path[0] ? path : "/", &search);
	if (!wanted.path)
		return r == 0 || r == -ENOENT ? 1 : r;
	int fd = sys_openat2(root, wanted.path, (uint64_t)mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			     0, RESOLVE_IN_ROOT);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

/* ---- the copy ---- */

static struct stand_in *stand_in_find(struct memory_dump *d, const struct maps_entry *e)
{
	for (size_t i = 0; i < d->n_stand_ins; i++) {
		struct stand_in *s = &d->stand_ins[i];
		if (s->inode == e->inode && s->dev_major == e->dev_major &&
		    s->dev_minor == e->dev_minor)
			return s;
	}
	return NULL;
}

static struct stand_in *stand_in_add(struct memory_dump *d, const struct maps_entry *e,
				     struct error *err)
{
	static const char prefix[] = "/memfd:";
	const char *name = e->name;
	char text[NAME_MAX_ + 1];
	if (str_has_prefix(name, prefix))
		name += sizeof(prefix) - 1;
	size_t n = MIN(strlen(name) - (sizeof(DELETED) - 1), (size_t)NAME_MAX_);
	memcpy(text, name, n);
	text[n] = '\0';
	int fd = memfd_create(text, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		error_sys(err, errno, "memfd_create(2)");
		return NULL;
	}
	struct stand_in *s = arena_push(&d->arena, d->stand_ins, d->n_stand_ins);
	*s = (struct stand_in){
		.dev_major = e->dev_major,
		.dev_minor = e->dev_minor,
		.inode = e->inode,
		.fd = fd,
	};
	return s;
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, IMAGE_PAGE - 1) == 0;
}

/* Pages that are read become the memfd's; those of zeroes stay holes. */
static int write_pages(struct stand_in *s, const uint8_t *buf, size_t size, uint64_t at,
		       struct error *err)
{
	for (size_t i = 0; i < size; i += IMAGE_PAGE) {
		if (is_zero(buf + i))
			continue;
		size_t n = IMAGE_PAGE;
		while (i + n < size && !is_zero(buf + i + n))
			n += IMAGE_PAGE;
		for (size_t done = 0; done < n;) {
			ssize_t w = pwrite(s->fd, buf + i + done, n - done, (off_t)(at + i + done));
			if (w < 0)
				return error_sys(err, errno, "cannot copy shared memory");
			done += (size_t)w;
		}
		i += n - IMAGE_PAGE;
	}
	s->size = MAX(s->size, at + size);
	return 0;
}

static bool is_copied(const struct stand_in *s, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < s->n_copied; i++)
		if (s->copied[i].from <= from && to <= s->copied[i].to)
			return true;
	return false;
}

/* Whether no page of it is in the task's page tables, nor was swapped out of them. */
static bool is_untouched(struct collect *c, pid_t pid, uint64_t at, size_t size)
{
	uint64_t v[DUMP_BUFFER / IMAGE_PAGE], any = 0;
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/pagemap", (int)pid);
	CLEANUP_FD int fd = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
	size_t n = size / IMAGE_PAGE;
	if (fd < 0 || pread(fd, v, n * sizeof(v[0]), (off_t)(at / IMAGE_PAGE * sizeof(v[0]))) !=
			      (ssize_t)(n * sizeof(v[0])))
		return false;
	for (size_t i = 0; i < n; i++)
		any |= v[i] & (PAGE_PRESENT | PAGE_SWAPPED);
	return !any;
}

static bool is_all_zero(const uint8_t *buf, size_t size)
{
	for (size_t i = 0; i < size; i += IMAGE_PAGE)
		if (!is_zero(buf + i))
			return false;
	return true;
}

/*
 * To read a hole fills it. What nobody had and is zero is made a hole again, else a reservation of gigabytes would
 * become as much memory. Best effort: with a filter that forbids it, it stays.
 */
static void give_back(struct collect *c, pid_t pid, uint64_t at, size_t size)
{
	const struct known_filter *k = c->filter;
	const uint64_t args[6] = { at, size, MADV_REMOVE };
	if (!k || (k->n && !filter_program_allows(k->v, k->n, SYS_madvise)))
		return;
	struct tracee *t = tracees_find(c->tracees, pid);
	if (t)
		IGNORE_RESULT(tracee_call(t, SYS_madvise, args, NULL));
}

/* What cannot be read lies behind the end: a page, and on. */
static int copy_mapping(struct memory_dump *d, struct collect *c, pid_t pid, struct stand_in *s,
			const struct maps_entry *e, struct error *err)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/mem", (int)pid);
	CLEANUP_FD int mem = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return error_sys(err, errno, "cannot open /proc/%s", path);
	for (uint64_t at = e->start; at < e->end;) {
		size_t want = MIN(e->end - at, (uint64_t)DUMP_BUFFER);
		bool untouched = e->flags & MAPS_MAYWRITE && is_untouched(c, pid, at, want);
		ssize_t got = pread(mem, d->buffer, want, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		size_t whole = got > 0 ? (size_t)got & ~(size_t)(IMAGE_PAGE - 1) : 0;
		int r = write_pages(s, d->buffer, whole, e->offset + (at - e->start), err);
		if (r < 0)
			return r;
		if (untouched && whole && is_all_zero(d->buffer, whole))
			give_back(c, pid, at, whole);
		at += whole ? whole : IMAGE_PAGE;
	}
	return ftruncate(s->fd, (off_t)s->size) < 0
		       ? error_sys(err, errno, "cannot give a memfd its size")
		       : 0;
}

int stand_in_open(struct memory_dump *d, struct collect *c, pid_t pid, const struct maps_entry *e,
		  int mode, struct error *err)
{
	struct stand_in *s = stand_in_find(d, e);
	int fd = FD_NONE, r = 1;
	if (!e->shared || !str_ends_with(e->name, DELETED) || e->flags & MAPS_HUGETLB)
		return -ENOENT;
	if (!s && !str_eq(e->name, "/dev/zero" DELETED) && !str_has_prefix(e->name, "/memfd:"))
		r = look_for_name(c, e, mode, &fd);
	if (r <= 0)
		return r < 0 ? r : fd;
	if (!s)
		s = stand_in_add(d, e, err);
	if (!s)
		return -EMFILE;
	uint64_t end = e->offset + (e->end - e->start);
	if (c->w && !is_copied(s, e->offset, end)) {
		r = copy_mapping(d, c, pid, s, e, err);
		if (r < 0)
			return r;
		*arena_push(&d->arena, s->copied, s->n_copied) =
			(struct content_range){ e->offset, end };
	}
	return procfd_open(c->proc, s->fd, mode);
}

void memory_check_stand_ins(struct memory_dump *d, struct collect *c)
{
	const struct object *o;
	for (size_t i = 0; d->n_stand_ins && (o = objects_at(c->objects, OBJECT_FILE, i)); i++)
		for (size_t k = 0; k < d->n_stand_ins; k++) {
			const struct stand_in *s = &d->stand_ins[k];
			if (o->ino == s->inode && major(o->dev) == s->dev_major &&
			    minor(o->dev) == s->dev_minor)
				(void)collect_refuse(
					c, 0, "a descriptor on its way through a socket",
					"its file is mapped, and nobody has it open",
					"try again when it was received, or checkpoint as root");
		}
}
