/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify.c - inotify(7): watches with their numbers. The kernel tells the inode and a file handle; a path of it is found
 * by the handle, else by looking through the file system.
 *
 * Events that were not read cannot be put back, so an instance that has some is refused. Watches are added in finish(), when
 * nothing in the tree is touched any more, so that none arise.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/name_search.h"
#include "sys/mountinfo.h"
#include "sys/openat2.h"

#ifndef INOTIFY_IOC_SETNEXTWD
#define INOTIFY_IOC_SETNEXTWD _IOW('I', 0, __s32)
#endif
#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID AT_REMOVEDIR
#endif

#define HANDLE_MAX 128 /* MAX_HANDLE_SZ */

struct watch {
	int32_t wd;
	uint32_t mask;
	char *path;
};

struct inotify_record {
	struct list watches; /* ascending wd */
};

static const struct field watch_fields[] = {
	FIELD(struct watch, wd, I32),
	FIELD(struct watch, mask, U32),
	FIELD(struct watch, path, TEXT, .max = 4352),
	FIELDS_END,
};

static const struct field fields[] = {
	FIELD(struct inotify_record, watches, LIST, .optional = true, .max = 1 << 22,
	      .fields = watch_fields, .size = sizeof(struct watch)),
	FIELDS_END,
};

/* ---- dump ---- */

struct marked {
	uint64_t wd, ino, sdev, mask;
	struct {
		struct file_handle h;
		unsigned char bytes[HANDLE_MAX]; /* the h.f_handle */
	} handle;
};

static int parse_handle(const char *line, const char *end, struct marked *ret)
{
	uint64_t n, type;
	if (fdinfo_number(line, end, "fhandle-bytes:", 16, &n) < 0 ||
	    fdinfo_number(line, end, "fhandle-type:", 16, &type) < 0 || n > HANDLE_MAX)
		return -ENOENT;
	static const char name[] = "f_handle:";
	const char *at = memmem(line, (size_t)(end - line), name, sizeof(name) - 1);
	for (size_t i = 0; at && i < n; i++) {
		unsigned byte;
		const char *hex = at + sizeof(name) - 1 + 2 * i;
		if (hex + 2 > end || sscanf(hex, "%2x", &byte) != 1)
			return -ENOENT;
		ret->handle.bytes[i] = (unsigned char)byte;
	}
	ret->handle.h.handle_bytes = at ? (unsigned)n : 0;
	ret->handle.h.handle_type = (int)type;
	return 0;
}

/* "inotify wd:1 ino:2a sdev:fe00001 mask:3ca ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:2a..." */
static int parse(const char *line, const char *end, struct marked *ret)
{
	if (fdinfo_number(line, end, "wd:", 16, &ret->wd) < 0 ||
	    fdinfo_number(line, end, "ino:", 16, &ret->ino) < 0 ||
	    fdinfo_number(line, end, "sdev:", 16, &ret->sdev) < 0 ||
	    fdinfo_number(line, end, "mask:", 16, &ret->mask) < 0)
		return -EPROTO;
	(void)parse_handle(line, end, ret);
	return 0;
}

static bool handle_equals(int fd, const struct marked *m, int flags)
{
	struct marked now = { .handle.h.handle_bytes = HANDLE_MAX };
	int mount_id;
	if (name_to_handle_at(fd, "", &now.handle.h, &mount_id, AT_EMPTY_PATH | flags) < 0)
		return false;
	return now.handle.h.handle_type == m->handle.h.handle_type &&
	       now.handle.h.handle_bytes == m->handle.h.handle_bytes &&
	       memcmp(now.handle.bytes, m->handle.bytes, m->handle.h.handle_bytes) == 0;
}

/* The number of the inode agrees already. Where handles can be had they must too. */
static bool is_marked(int fd, void *arg)
{
	struct marked now = { .handle.h.handle_bytes = HANDLE_MAX };
	int mount_id;
	const struct marked *m = arg;
	if (!m->handle.h.handle_bytes || handle_equals(fd, m, 0) ||
	    handle_equals(fd, m, AT_HANDLE_FID))
		return true;
	/* before 6.5 a file system that cannot decode handles tells none */
	return name_to_handle_at(fd, "", &now.handle.h, &mount_id, AT_EMPTY_PATH) < 0 &&
	       name_to_handle_at(fd, "", &now.handle.h, &mount_id, AT_EMPTY_PATH | AT_HANDLE_FID) <
		       0;
}

/* The path of a handle: the kernel knows a name of a directory, and of a file that was looked up. */
static char *path_of_handle(struct collect *c, int root, const char *mount_point, struct marked *m)
{
	char link[40], path[4200];
	struct stat here, there;
	if (!m->handle.h.handle_bytes)
		return NULL;
	CLEANUP_FD int at = sys_openat2(root, mount_point, O_RDONLY, 0,
					RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	CLEANUP_FD int fd =
		at < 0 ? FD_NONE : open_by_handle_at(at, &m->handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &here) < 0)
		return NULL;
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	ssize_t n = readlinkat(c->proc, link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = 0;
	/* a nameless dentry reads "/", another mount of the file system has another path: see where it leads */
	CLEANUP_FD int again = sys_openat2(root, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_IN_ROOT);
	if (again < 0 || fstat(again, &there) < 0 || here.st_ino != there.st_ino ||
	    here.st_dev != there.st_dev)
		return NULL;
	return arena_strdup(c->arena, path);
}

/* sdev is the kernel's own form of a device number: 12 bits major, 20 minor. */
static bool on_mount(const struct mountinfo *m, uint64_t sdev)
{
	return major(m->dev) == sdev >> 20 && minor(m->dev) == (sdev & 0xfffff);
}

static int find_path(struct collect *c, int root, struct marked *m, char **ret)
{
	char path[40];
	struct mountinfo *v;
	size_t n;
	(void)snprintf(path, sizeof(path), "%d/mountinfo", (int)c->init);
	int r = mountinfo_read(c->arena, c->proc, path, &v, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (on_mount(&v[i], m->sdev) &&
		    (*ret = path_of_handle(c, root, v[i].mount_point, m)))
			return 0;
	struct name_search s = { .ino = m->ino, .is_it = is_marked, .arg = m };
	for (size_t i = 0; r == 0 && i < n; i++)
		if (on_mount(&v[i], m->sdev) && name_search(c, v[i].mount_point, &s, ret) == 0)
			return 0;
	return r < 0 ? r : -ENOENT;
}

static int by_wd(const void *a, const void *b)
{
	const struct watch *x = a, *y = b;
	return x->wd < y->wd ? -1 : x->wd > y->wd;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct inotify_record *rec = record;
	int unread = 0;
	if (ioctl(f->fd, FIONREAD, &unread) == 0 && unread > 0)
		return file_refuse(c, f, "it has events that nobody has read yet",
				   "try again when the program has read them");
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return error_sys(err, -root, "cannot open the container's root");
	struct watch *v = NULL;
	size_t n = 0;
	const char *line, *next = f->info;
	while ((line = fdinfo_line(next, "inotify wd:", &next))) {
		struct marked m = { 0 };
		char *path = NULL;
		if (parse(line, next, &m) < 0)
			return error_set(err, EPROTO, "%s: fdinfo is not understood",
					 file_name(c, f));
		int r = find_path(c, root, &m, &path);
		if (r == -ENOENT)
			return file_refuse(
				c, f,
				arena_printf(
					c->arena,
					"what its watch %d looks at has no name that can be found",
					(int)m.wd),
				"remove the watch");
		if (r < 0)
			return error_sys(err, -r, "cannot read the container's mounts");
		*arena_push(c->arena, v, n) = (struct watch){ .wd = (int32_t)m.wd,
							      .mask = (uint32_t)m.mask,
							      .path = path };
	}
	if (n)
		qsort(v, n, sizeof(*v), by_wd);
	rec->watches = (struct list){ .v = v, .n = n };
	return 0;
}

/* ---- restore ---- */

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	(void)flags;
	(void)record;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return fd < 0 ? error_sys(err, errno, "inotify_init1(2)") : fd;
}

/* Numbers are given in ascending order, so one that is taken and given back uses one up. Leaves events to be thrown away. */
static int skip_to(int fd, int32_t wd)
{
	char events[4096];
	if (ioctl(fd, INOTIFY_IOC_SETNEXTWD, (long)wd) == 0)
		return 0;
	for (int got = 0; got < wd - 1;) {
		got = inotify_add_watch(fd, "/", IN_DELETE_SELF);
		if (got < 0 || inotify_rm_watch(fd, got) < 0)
			return -errno;
		while (read(fd, events, sizeof(events)) > 0)
			;
		if (got >= wd)
			return -EEXIST;
	}
	return 0;
}

static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	const struct inotify_record *rec = record;
	const struct watch *v = rec->watches.v;
	int32_t last = 0;
	for (size_t i = 0; i < rec->watches.n; i++) {
		if (v[i].wd <= last)
			return error_set(err, EBADMSG,
					 "watches of an inotify instance are not in order");
		int r = v[i].wd == last + 1 ? 0 : skip_to(fd, v[i].wd);
		if (r < 0)
			return error_sys(err, -r, "cannot number a watch %d", v[i].wd);
		int wd = inotify_add_watch(fd, v[i].path,
					   v[i].mask | IN_DONT_FOLLOW | IN_MASK_CREATE);
		if (wd != v[i].wd) {
			(void)error_sys(err, wd < 0 ? errno : EEXIST, "cannot watch it again");
			(void)error_object(err, "%s", v[i].path);
			return error_hint(err, "restore into the tree that it was taken from");
		}
		last = wd;
	}
	return 0;
}

static void describe(const void *record, struct buf *out)
{
	const struct inotify_record *rec = record;
	const struct watch *v = rec->watches.v;
	buf_printf(out, "watches %zu:", rec->watches.n);
	for (size_t i = 0; i < rec->watches.n && i < 4; i++)
		buf_printf(out, " %s", v[i].path);
	if (rec->watches.n > 4)
		buf_puts(out, " ...");
}

static const struct file_match matches[] = { { FILE_ANON, "inotify" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_inotify = {
	.name = "inotify",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct inotify_record),
	.collect = collect,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
