/* SPDX-License-Identifier: Apache-2.0 */
/* entry.c - see entry.h. */
#include "image/unpack/entry.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "image/unpack/attributes.h"
#include "image/unpack/report.h"

#define WHITEOUT ".wh."
#define OPAQUE	 WHITEOUT WHITEOUT ".opq" /* ".wh..wh..opq" */

void unpacking_init(struct unpacking *u, int root, bool rootless)
{
	*u = (struct unpacking){ 0 };
	tree_init(&u->tree, root, rootless);
}

void unpacking_done(struct unpacking *u)
{
	tree_done(&u->tree);
	arena_done(&u->arena);
}

/* What is wrong, said once for all that writes. */
static int write_failed(int errnum, const char *path, struct error *err)
{
	error_sys(err, errnum, "cannot write %.200s", path);
	if (errnum == ENOSPC || errnum == EDQUOT)
		error_hint(err, "make room on the file system of the image store");
	else if (errnum == EINVAL || errnum == EOVERFLOW)
		error_hint(err, "is its owner known in this user namespace?");
	return -errnum;
}

/* ---- owner, mode, times ---- */

struct metadata {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	struct timespec times[2]; /* as utimensat(2) has them */
};

static int get_metadata(struct archive_entry *e, struct metadata *m, struct error *err)
{
	la_int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);

	/* (uid_t)-1 means "leave it" to chown(2) */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return error_set(err, EBADMSG, "owner %lld:%lld is out of range", (long long)uid,
				 (long long)gid);
	*m = (struct metadata){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	m->mode = archive_entry_perm(e) & 07777;
	m->times[1].tv_sec = archive_entry_mtime(e);
	m->times[1].tv_nsec = archive_entry_mtime_nsec(e);
	m->times[0] = m->times[1];
	if (archive_entry_atime_is_set(e)) {
		m->times[0].tv_sec = archive_entry_atime(e);
		m->times[0].tv_nsec = archive_entry_atime_nsec(e);
	}
	return 0;
}

/* chown first: it clears set-user-id bits and file capabilities. */
static int apply_to_fd(struct unpacking *u, int fd, struct archive_entry *e,
		       const struct metadata *m, const char *path, struct error *err)
{
	if (!u->tree.rootless && fchown(fd, m->uid, m->gid) < 0)
		return write_failed(errno, path, err);
	int r = attributes_apply(fd, e, u->tree.rootless, &u->n_attributes);
	return r < 0 ? write_failed(-r, path, err) : 0;
}

static int apply_to_name(struct unpacking *u, const struct place *p, const struct metadata *m,
			 const char *path, struct error *err)
{
	if (!u->tree.rootless && fchownat(p->dir, p->name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return write_failed(errno, path, err);
	if (utimensat(p->dir, p->name, m->times, AT_SYMLINK_NOFOLLOW) < 0)
		return write_failed(errno, path, err);
	return 0;
}

/* ---- one function a kind ---- */

struct incoming {
	struct unpacking *u;
	struct archive *a;
	struct archive_entry *e;
	const char *path; /* clean */
	struct place place;
	struct metadata meta;
};

static int copy_data(struct incoming *in, int fd, struct error *err)
{
	const void *data;
	size_t n;
	la_int64_t offset, size = archive_entry_size(in->e), end = 0;
	int r;

	while ((r = archive_read_data_block(in->a, &data, &n, &offset)) == ARCHIVE_OK) {
		for (size_t done = 0; done < n;) {
			ssize_t w = pwrite(fd, (const char *)data + done, n - done,
					   offset + (la_int64_t)done);
			if (w < 0 && errno != EINTR)
				return write_failed(errno, in->path, err);
			done += w > 0 ? (size_t)w : 0;
		}
		end = offset + (la_int64_t)n;
		if (report_interrupted())
			return error_set(err, EINTR, "interrupted");
	}
	if (r != ARCHIVE_EOF)
		return error_set(err, EBADMSG, "the data of %.200s: %s", in->path,
				 archive_error_string(in->a));
	/* a sparse file may end in a hole */
	if (size > end && ftruncate(fd, size) < 0)
		return write_failed(errno, in->path, err);
	in->u->bytes += (uint64_t)MAX(size, end);
	return 0;
}

static int place_file(struct incoming *in, struct error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	CLEANUP_FD int fd = openat(in->place.dir, in->place.name, flags, 0600);
	if (fd < 0 && errno == EEXIST) {
		int r = tree_clear(&in->u->tree, &in->place, err);
		if (r < 0)
			return r;
		fd = openat(in->place.dir, in->place.name, flags, 0600);
	}
	if (fd < 0)
		return write_failed(errno, in->path, err);
	int r = copy_data(in, fd, err);
	if (r == 0)
		r = apply_to_fd(in->u, fd, in->e, &in->meta, in->path, err);
	if (r < 0)
		return r;
	if (fchmod(fd, in->meta.mode) < 0 || futimens(fd, in->meta.times) < 0)
		return write_failed(errno, in->path, err);
	return 0;
}

static void remember_dir(struct unpacking *u, const char *real, const struct metadata *m)
{
	struct late_dir *d = arena_push(&u->arena, u->dirs, u->n_dirs);
	d->real = arena_strdup(&u->arena, real);
	d->order = u->n_dirs;
	d->mode = m->mode;
	memcpy(d->times, m->times, sizeof(d->times));
}

static int place_dir(struct incoming *in, struct error *err)
{
	struct unpacking *u = in->u;
	CLEANUP_FD int fd = tree_make_dir(&u->tree, &in->place, err);
	if (fd < 0)
		return fd;
	int r = apply_to_fd(u, fd, in->e, &in->meta, in->path, err);
	if (r < 0)
		return r;
	const char *parent = u->tree.parent_real;
	char *real =
		arena_printf(&u->arena, "%s%s%s", parent, parent[0] ? "/" : "", in->place.name);
	remember_dir(u, real, &in->meta);
	return 0;
}

static int place_symlink(struct incoming *in, struct error *err)
{
	const char *target = archive_entry_symlink(in->e);
	if (!target || !target[0])
		return error_set(err, EBADMSG, "the symbolic link %.200s has no target", in->path);
	if (symlinkat(target, in->place.dir, in->place.name) < 0) {
		if (errno != EEXIST)
			return write_failed(errno, in->path, err);
		int r = tree_clear(&in->u->tree, &in->place, err);
		if (r < 0)
			return r;
		if (symlinkat(target, in->place.dir, in->place.name) < 0)
			return write_failed(errno, in->path, err);
	}
	return apply_to_name(in->u, &in->place, &in->meta, in->path, err);
}

static int place_node(struct incoming *in, struct error *err)
{
	mode_t type = archive_entry_filetype(in->e);
	dev_t dev = type == S_IFIFO ? 0 : archive_entry_rdev(in->e);

	if (type != S_IFIFO && in->u->tree.rootless) {
		in->u->n_devices++;
		return 0;
	}
	int r = tree_clear(&in->u->tree, &in->place, err);
	if (r < 0)
		return r;
	if (mknodat(in->place.dir, in->place.name, type | 0600, dev) < 0)
		return write_failed(errno, in->path, err);
	r = apply_to_name(in->u, &in->place, &in->meta, in->path, err);
	if (r == 0 && fchmodat(in->place.dir, in->place.name, in->meta.mode, 0) < 0)
		r = write_failed(errno, in->path, err);
	return r;
}

/* The target is a name in this layer; what it leads to through links stays in the layer. */
static int place_hardlink(struct incoming *in, struct error *err)
{
	const char *target = archive_entry_hardlink(in->e);
	struct tree *t = &in->u->tree;
	char clean[PATH_MAX];
	struct stat from, to;
	struct place p;

	int r = tree_clean_path(target, clean, err);
	if (r < 0)
		return r;
	if (!clean[0])
		return error_set(err, EBADMSG, "%.200s is a hard link to a directory", in->path);
	CLEANUP_FD int dir = fcntl(in->place.dir, F_DUPFD_CLOEXEC, 3);
	if (dir < 0)
		return error_sys(err, errno, "cannot link %.200s", in->path);
	r = tree_place(t, clean, false, &p, err);
	if ((r < 0 && r != -ENOENT && r != -ENOTDIR) ||
	    (r == 0 && fstatat(p.dir, p.name, &from, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT))
		return r < 0 ? r : error_sys(err, errno, "cannot link %.200s", in->path);
	if (r < 0 || fstatat(p.dir, p.name, &from, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, EBADMSG,
				 "%.150s is a hard link to %.150s, which is not there", in->path,
				 clean);
	if (S_ISDIR(from.st_mode))
		return error_set(err, EBADMSG, "%.200s is a hard link to a directory", in->path);
	if (fstatat(dir, in->place.name, &to, AT_SYMLINK_NOFOLLOW) == 0) {
		if (to.st_ino == from.st_ino && to.st_dev == from.st_dev)
			return 0; /* they are one already */
		struct place old = { dir, in->place.name };
		r = tree_clear(t, &old, err);
		if (r < 0)
			return r;
	}
	if (linkat(p.dir, p.name, dir, in->place.name, 0) < 0)
		return write_failed(errno, in->path, err);
	return 0;
}

static const struct {
	mode_t type;
	int (*place)(struct incoming *in, struct error *err);
} kinds[] = {
	{ S_IFREG, place_file }, { S_IFDIR, place_dir },  { S_IFLNK, place_symlink },
	{ S_IFCHR, place_node }, { S_IFBLK, place_node }, { S_IFIFO, place_node },
};

/* ---- whiteouts ---- */

/* A name with ".wh." before a slash: some union file system's own household, no content. */
static bool is_household(const char *path, const char *base)
{
	if (str_has_prefix(base, WHITEOUT WHITEOUT))
		return true;
	for (const char *p = path; p < base; p = strchr(p, '/') + 1) {
		if (str_has_prefix(p, WHITEOUT))
			return true;
	}
	return false;
}

static int place_opaque(struct unpacking *u, const char *path, struct error *err)
{
	struct place p;
	int r = tree_place(&u->tree, path, true, &p, err);
	if (r < 0)
		return r;
	CLEANUP_FD int dir = tree_open_real(&u->tree, u->tree.parent_real);
	if (dir < 0)
		return error_sys(err, -dir, "cannot open the directory of %.200s", path);
	return tree_make_opaque(&u->tree, dir, err);
}

static int place_whiteout(struct unpacking *u, const char *path, const char *base,
			  struct error *err)
{
	const char *hidden = base + strlen(WHITEOUT);
	struct place p;

	if (!hidden[0] || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return error_set(err, EBADMSG, "\"%.200s\" is a whiteout of nothing", path);
	int r = tree_place(&u->tree, path, true, &p, err);
	if (r < 0)
		return r;
	p.name = hidden;
	return tree_whiteout(&u->tree, &p, err);
}

/* ---- the whole ---- */

static int place_root(struct unpacking *u, struct archive_entry *e, struct error *err)
{
	struct metadata m;

	if (archive_entry_filetype(e) != S_IFDIR)
		return error_set(err, EBADMSG, "the layer's top is not a directory");
	int r = get_metadata(e, &m, err);
	if (r == 0)
		r = apply_to_fd(u, u->tree.root, e, &m, "/", err);
	if (r == 0)
		remember_dir(u, "", &m);
	return r;
}

static int place_ordinary(struct unpacking *u, struct archive *a, struct archive_entry *e,
			  const char *path, struct error *err)
{
	struct incoming in = { .u = u, .a = a, .e = e, .path = path };

	int r = get_metadata(e, &in.meta, err);
	if (r == 0)
		r = tree_place(&u->tree, path, true, &in.place, err);
	if (r < 0)
		return r;
	if (archive_entry_hardlink(e))
		return place_hardlink(&in, err);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].type == archive_entry_filetype(e))
			return kinds[i].place(&in, err);
	}
	return error_set(err, EBADMSG, "%.200s is of no known kind", path);
}

int entry_place(struct unpacking *u, struct archive *a, struct archive_entry *e, struct error *err)
{
	const char *name = archive_entry_pathname(e);
	char path[PATH_MAX];

	if (!name)
		return error_set(err, EBADMSG, "an entry has no readable name");
	if (++u->n_entries > UNPACK_MAX_ENTRIES)
		return error_set(err, EFBIG, "has more than %u entries", UNPACK_MAX_ENTRIES);
	int r = tree_clean_path(name, path, err);
	if (r < 0)
		return r;
	if (!path[0])
		return place_root(u, e, err);
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	if (strcmp(base, OPAQUE) == 0)
		return place_opaque(u, path, err);
	if (is_household(path, base))
		return 0;
	if (str_has_prefix(base, WHITEOUT))
		return place_whiteout(u, path, base, err);
	return place_ordinary(u, a, e, path, err);
}

/* Deeper ones first, of the same the latest first. */
static int deepest_first(const void *a, const void *b)
{
	const struct late_dir *x = a, *y = b;
	int c = strcmp(y->real, x->real);
	return c ? c : (x->order < y->order) - (x->order > y->order);
}

int unpacking_finish(struct unpacking *u, struct error *err)
{
	if (u->n_dirs)
		qsort(u->dirs, u->n_dirs, sizeof(*u->dirs), deepest_first);
	for (size_t i = 0; i < u->n_dirs; i++) {
		const struct late_dir *d = &u->dirs[i];
		if (i > 0 && strcmp(d->real, d[-1].real) == 0)
			continue;
		CLEANUP_FD int fd = tree_open_real(&u->tree, d->real);
		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue; /* a later entry took its place */
		if (fd < 0 || fchmod(fd, d->mode) < 0 || futimens(fd, d->times) < 0)
			return write_failed(fd < 0 ? -fd : errno, d->real, err);
	}
	return 0;
}
