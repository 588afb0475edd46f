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
	int instance;
	uint64_t wd, ino, sdev, mask;
	bool ambiguous; /* the instance watches another inode of that file system with this number */
	char *path;
	struct {
		struct file_handle h;
		unsigned char bytes[HANDLE_MAX]; /* the h.f_handle */
	} handle;
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_handle(const char *line, const char *end, struct marked *ret)
{
	uint64_t n, type;
	if (fdinfo_number(line, end, "fhandle-bytes:", 16, &n) < 0 ||
	    fdinfo_number(line, end, "fhandle-type:", 16, &type) < 0 || n > HANDLE_MAX)
		return -ENOENT;
	static const char name[] = "f_handle:";
	const char *at = memmem(line, (size_t)(end - line), name, sizeof(name) - 1);
	for (size_t i = 0; at && i < n; i++) {
		const char *hex = at + sizeof(name) - 1 + 2 * i;
		if (hex + 2 > end || hex_digit(hex[0]) < 0 || hex_digit(hex[1]) < 0)
			return -ENOENT;
		ret->handle.bytes[i] = (unsigned char)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
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

/*
 * Whether the instance watches this inode: it is asked itself, for a watch that must not exist (IN_MASK_CREATE). If another inode is looked
 * at, by a number that two file systems use, the watch that this makes goes at once, and so does the
 * event of its going: there are no others, see collect().
 */
static bool is_watched(int fd, const struct marked *m)
{
	char path[40], event[sizeof(struct inotify_event)];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int wd = inotify_add_watch(m->instance, path, IN_DELETE_SELF | IN_MASK_CREATE);
	if (wd < 0)
		return errno == EEXIST;
	if (inotify_rm_watch(m->instance, wd) == 0)
		IGNORE_RESULT(read(m->instance, event, sizeof(event)) < 0);
	return false;
}

static bool is_marked(int fd, void *arg)
{
	const struct marked *m = arg;
	return !m->ambiguous && is_watched(fd, m);
}

/* The path of a handle: the kernel knows a name of a directory, and of a file that was looked up. */
static char *path_of_handle(struct collect *c, int root, const char *mount_point, struct marked *m)
{
	char link[40], path[4200];
	if (!m->handle.h.handle_bytes)
		return NULL;
	CLEANUP_FD int at = sys_openat2(root, mount_point, O_RDONLY, 0,
					RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	CLEANUP_FD int fd =
		at < 0 ? FD_NONE : open_by_handle_at(at, &m->handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	ssize_t n = readlinkat(c->proc, link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = 0;
	/* a nameless dentry reads "/", another mount of the file system has another path: see where it leads */
	CLEANUP_FD int again = sys_openat2(root, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_IN_ROOT);
	return again >= 0 && is_watched(again, m) ? arena_strdup(c->arena, path) : NULL;
}

/* sdev is the kernel's own form of a device number: 12 bits major, 20 minor. */
static bool on_mount(const struct mountinfo *m, uint64_t sdev)
{
	return major(m->dev) == sdev >> 20 && minor(m->dev) == (sdev & 0xfffff);
}

static int find_on_mount(struct collect *c, int root, const struct mountinfo *mount,
			 struct marked *v, size_t n)
{
	struct name_search s = { .v = arena_alloc(c->arena, n * sizeof(*s.v)), .is_it = is_marked };
	for (size_t i = 0; i < n; i++) {
		if (v[i].path || !on_mount(mount, v[i].sdev))
			continue;
		v[i].path = path_of_handle(c, root, mount->mount_point, &v[i]);
		if (!v[i].path)
			s.v[s.n++] = (struct name_wanted){ .ino = v[i].ino, .arg = &v[i] };
	}
	int r = s.n ? name_search(c, mount->mount_point, &s) : 0;
	for (size_t i = 0; i < s.n; i++)
		((struct marked *)s.v[i].arg)->path = s.v[i].path;
	return r == -ENOENT || r == -E2BIG ? 0 : r;
}

/* Fills in the paths that can be found. */
static int find_paths(struct collect *c, struct marked *v, size_t n)
{
	char path[40];
	struct mountinfo *mounts;
	size_t n_mounts;
	CLEANUP_FD int root = name_search_root(c);
	if (root < 0)
		return root;
	(void)snprintf(path, sizeof(path), "%d/mountinfo", (int)c->init);
	int r = mountinfo_read(c->arena, c->proc, path, &mounts, &n_mounts);
	for (size_t i = 0; r == 0 && i < n_mounts; i++)
		r = find_on_mount(c, root, &mounts[i], v, n);
	return r;
}

static int by_inode(const void *a, const void *b)
{
	const struct marked *x = a, *y = b;
	if (x->sdev != y->sdev)
		return x->sdev < y->sdev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int by_wd(const void *a, const void *b)
{
	const struct watch *x = a, *y = b;
	return x->wd < y->wd ? -1 : x->wd > y->wd;
}

/* All watches of the instance, as fdinfo tells. */
static int parse_all(struct collect *c, const struct file_facts *f, struct marked **ret,
		     size_t *ret_n)
{
	struct marked *v = NULL;
	size_t n = 0;
	const char *line, *next = f->info;
	while ((line = fdinfo_line(next, "inotify wd:", &next))) {
		struct marked *m = arena_push(c->arena, v, n);
		m->instance = f->fd;
		if (parse(line, next, m) < 0)
			return -EPROTO;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_inode);
	for (size_t i = 1; i < n; i++)
		if (by_inode(&v[i - 1], &v[i]) == 0)
			v[i - 1].ambiguous = v[i].ambiguous = true;
	*ret = v;
	*ret_n = n;
	return 0;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct inotify_record *rec = record;
	struct marked *marked;
	int unread = 0;
	size_t n;
	if (ioctl(f->fd, FIONREAD, &unread) == 0 && unread > 0)
		return file_refuse(c, f, "it has events that nobody has read yet",
				   "try again when the program has read them");
	if (parse_all(c, f, &marked, &n) < 0)
		return error_set(err, EPROTO, "%s: fdinfo is not understood", file_name(c, f));
	if (n == 0)
		return 0;
	int r = find_paths(c, marked, n);
	if (r < 0)
		return error_sys(err, -r, "cannot look through the container's mounts");
	struct watch *v = arena_alloc(c->arena, n * sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[i] = (struct watch){ .wd = (int32_t)marked[i].wd,
				       .mask = (uint32_t)marked[i].mask,
				       .path = marked[i].path };
		if (v[i].path)
			continue;
		const char *why = arena_printf(
			c->arena, "what its watch %d looks at has no name that can be found",
			v[i].wd);
		return file_refuse(c, f, why, "remove the watch");
	}
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
