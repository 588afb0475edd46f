/* SPDX-License-Identifier: Apache-2.0 */
/* ghost.c - see ghost.h. */
#include "checkpoint/kind/ghost.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/inode_note.h"
#include "checkpoint/kind/procfd.h"
#include "checkpoint/kind/temporary.h"

#define TMPFILE	  020000000 /* O_TMPFILE without O_DIRECTORY */
#define NAMES_MAX 65536	    /* XATTR_LIST_MAX, XATTR_SIZE_MAX of the kernel */

struct ghost_xattr {
	char *name;
	struct bytes value;
};

struct ghost_record {
	char *path;
	uint32_t type;
	bool linkable; /* made by O_TMPFILE: may be given a name yet */
	struct owner owner;
	int64_t atime, mtime;
	uint32_t atime_ns, mtime_ns;
	struct list xattrs;
	struct content content;
};

static const struct field xattr_fields[] = {
	FIELD(struct ghost_xattr, name, TEXT, .max = 256),
	FIELD(struct ghost_xattr, value, BYTES, .optional = true, .max = NAMES_MAX),
	FIELDS_END,
};

static const struct field ghost_fields[] = {
	FIELD(struct ghost_record, path, TEXT, .max = 4352),
	FIELD(struct ghost_record, type, U32),
	FIELD(struct ghost_record, linkable, BOOL, .optional = true),
	FIELD(struct ghost_record, owner, MAP, .fields = owner_fields),
	FIELD(struct ghost_record, atime, I64, .optional = true),
	FIELD(struct ghost_record, mtime, I64, .optional = true),
	FIELD(struct ghost_record, atime_ns, U32, .optional = true),
	FIELD(struct ghost_record, mtime_ns, U32, .optional = true),
	FIELD(struct ghost_record, xattrs, LIST, .optional = true, .max = 4096,
	      .fields = xattr_fields, .size = sizeof(struct ghost_xattr)),
	FIELD(struct ghost_record, content, MAP, .optional = true, .fields = content_fields),
	FIELDS_END,
};

/* What overlayfs keeps for itself is not the file's. */
static bool carried(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) != 0;
}

static int collect_xattrs(struct collect *c, int fd, struct list *ret, struct error *err)
{
	char *names = arena_alloc(c->arena, NAMES_MAX);
	ssize_t size = flistxattr(fd, names, NAMES_MAX);
	if (size < 0)
		return errno == ENOTSUP ? 0
					: error_sys(err, errno, "cannot list extended attributes");
	struct ghost_xattr *v = NULL;
	size_t n = 0;
	for (const char *at = names; at < names + size; at += strlen(at) + 1) {
		if (!carried(at))
			continue;
		ssize_t len = fgetxattr(fd, at, NULL, 0);
		if (len < 0)
			continue; /* gone, or computed and not there */
		void *data = arena_alloc(c->arena, (size_t)len + 1);
		len = fgetxattr(fd, at, data, (size_t)len);
		if (len < 0)
			return error_sys(err, errno, "cannot read the attribute %s", at);
		*arena_push(c->arena, v, n) = (struct ghost_xattr){
			.name = arena_strdup(c->arena, at),
			.value = { .data = data, .size = (size_t)len },
		};
	}
	*ret = (struct list){ .v = v, .n = n };
	return 0;
}

static int collect_inside(struct collect *c, const struct file_facts *f, struct ghost_record *rec,
			  struct error *err)
{
	if (S_ISFIFO(f->st.st_mode)) /* opening one disturbs; what is in it is its kind's */
		return 0;
	CLEANUP_FD int fd = procfd_open(c->proc, f->fd, O_RDONLY);
	if (fd < 0)
		return error_sys(err, -fd, "%s: cannot open it once more", f->link);
	int r = collect_xattrs(c, fd, &rec->xattrs, err);
	if (r == 0 && S_ISREG(f->st.st_mode))
		r = content_collect(c, fd, &rec->content, err);
	return r < 0 ? error_object(err, "%s", f->link) : 0;
}

/* The kernel calls those by their number, and keeps the flag with the first open file. */
static bool is_linkable(const struct file_facts *f, const char *path)
{
	char name[32];
	const char *slash = strrchr(path, '/');
	(void)snprintf(name, sizeof(name), "#%llu", (unsigned long long)f->st.st_ino);
	return S_ISREG(f->st.st_mode) && slash &&
	       (f->flags & TMPFILE || strcmp(slash + 1, name) == 0);
}

int ghost_collect(struct collect *c, const struct file_facts *f, const char *path, uint64_t *ret_id,
		  struct error *err)
{
	bool *known = inode_note(c, &f->st, ghost_fields, sizeof(*known), ret_id);
	if (!*known) {
		struct ghost_record rec = {
			.path = arena_strdup(c->arena, path),
			.type = f->st.st_mode & S_IFMT,
			.linkable = is_linkable(f, path),
			.atime = f->st.st_atim.tv_sec,
			.atime_ns = (uint32_t)f->st.st_atim.tv_nsec,
			.mtime = f->st.st_mtim.tv_sec,
			.mtime_ns = (uint32_t)f->st.st_mtim.tv_nsec,
		};
		int r = owner_collect(c, &f->st, &rec.owner, err);
		if (r == 0)
			r = collect_inside(c, f, &rec, err);
		if (r == 0)
			r = collect_put(c, "ghost", *ret_id, ghost_fields, &rec, err);
		if (r < 0)
			return r;
		*known = true;
	}
	return 0;
}

/* ---- restore ---- */

static int apply_xattrs(int fd, const struct list *xattrs, struct error *err)
{
	const struct ghost_xattr *v = xattrs->v;
	for (size_t i = 0; i < xattrs->n; i++) {
		if (fsetxattr(fd, v[i].name, v[i].value.data, v[i].value.size, 0) == 0)
			continue;
		/* labels are the business of this machine's security module */
		if (strncmp(v[i].name, "security.", 9) == 0)
			continue;
		return error_sys(err, errno, "cannot set the attribute %s", v[i].name);
	}
	return 0;
}

static int fill(struct holder *h, const struct ghost_record *rec, int fd, struct error *err)
{
	int r = 0;
	if (S_ISREG(rec->type))
		r = content_fill(h, &rec->content, fd, err);
	if (r == 0)
		r = owner_apply(fd, &rec->owner, err);
	if (r == 0)
		r = apply_xattrs(fd, &rec->xattrs, err);
	const struct timespec times[2] = { { .tv_sec = rec->atime, .tv_nsec = rec->atime_ns },
					   { .tv_sec = rec->mtime, .tv_nsec = rec->mtime_ns } };
	if (r == 0 && futimens(fd, times) < 0)
		r = error_sys(err, errno, "cannot set the times");
	return r;
}

/* On a file system that nothing can be written to, a deleted regular file lives on in memory. */
static int make(const struct ghost_record *rec, struct temporary *t, struct error *err)
{
	int fd = rec->linkable ? temporary_nameless(t, rec->path) : FD_NONE;
	if (fd < 0)
		fd = temporary_make(t, rec->path, rec->type, err);
	if (fd != -EROFS || !S_ISREG(rec->type))
		return fd;
	error_clear(err);
	const char *slash = strrchr(rec->path, '/');
	fd = memfd_create(slash ? slash + 1 : rec->path, MFD_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "memfd_create(2)") : fd;
}

static int raise_ghost(struct holder *h, uint64_t id, uint32_t type, struct error *err)
{
	struct ghost_record rec;
	int r = image_get(holder_image(h), "ghost", id, ghost_fields, holder_arena(h), &rec, err);
	if (r < 0)
		return r;
	if (rec.type != type)
		return error_set(err, EBADMSG, "%s is of another type than its open file",
				 rec.path);
	CLEANUP(temporary_remove) struct temporary t = TEMPORARY_INIT;
	CLEANUP_FD int fd = make(&rec, &t, err);
	if (fd < 0)
		return fd;
	r = fill(h, &rec, fd, err);
	if (r < 0)
		return error_object(err, "%s", rec.path);
	int node = procfd_open(holder_proc(h), fd, O_PATH);
	return node < 0 ? error_sys(err, -node, "%s: cannot open it", rec.path) : node;
}

int ghost_open(struct holder *h, uint64_t id, uint32_t type, int flags, struct error *err)
{
	int node = holder_stashed(h, "ghost", id);
	if (node < 0) {
		node = raise_ghost(h, id, type, err);
		if (node < 0)
			return error_what(err, "cannot make a deleted file again");
		holder_stash_take(h, "ghost", id, node);
	}
	struct stat st;
	if (fstat(node, &st) < 0 || (st.st_mode & S_IFMT) != type)
		return error_set(err, EBADMSG, "a deleted file is of two types");
	int fd = procfd_open(holder_proc(h), node, flags);
	return fd < 0 ? error_sys(err, -fd, "cannot open a deleted file") : fd;
}
