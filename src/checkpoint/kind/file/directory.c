/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.c - open directories, working directories and roots too: path and position; removed ones as ghosts.
 *
 * A position is a cookie of the file system, which means something else when the directory was unpacked anew. So the name that
 * comes next is kept as well, and looked for where the cookie does not lead to it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"
#include "checkpoint/kind/procfd.h"

struct directory_record {
	struct file_path where;
	uint64_t position; /* the cookie */
	char *next;	   /* what comes after it; NULL with a position: nothing does */
};

static const struct field fields[] = {
	FIELD(struct directory_record, where, MAP, .fields = file_path_fields),
	FIELD(struct directory_record, position, U64, .optional = true),
	FIELD(struct directory_record, next, TEXT, .optional = true, .max = 256),
	FIELDS_END,
};

/* Names as getdents64(2) gives them; readdir(3) would hide where they end. */
struct names {
	char data[8192] __attribute__((aligned(8)));
	ssize_t size, at;
};

/* The next one, or NULL: none, or an error. */
static const struct dirent64 *names_next(struct names *n, int fd)
{
	if (n->at >= n->size) {
		n->size = getdents64(fd, n->data, sizeof(n->data));
		n->at = 0;
	}
	if (n->size <= 0)
		return NULL;
	const struct dirent64 *d = (const void *)(n->data + n->at);
	n->at += d->d_reclen;
	return d;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct directory_record *rec = record;
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	if (rec->position) {
		struct names n = { .size = 0 };
		const struct dirent64 *d;
		CLEANUP_FD int fd = procfd_open(c->proc, f->fd, O_RDONLY | O_DIRECTORY);
		if (fd < 0 || lseek(fd, f->pos, SEEK_SET) < 0)
			return error_sys(err, fd < 0 ? -fd : errno, "%s: cannot open it once more",
					 f->link);
		d = names_next(&n, fd);
		rec->next = d ? arena_strdup(c->arena, d->d_name) : NULL;
	}
	return file_path_collect(c, f, &rec->where, err);
}

/* Whether this name comes next; NULL: none does. Leaves the position anywhere. */
static bool comes_next(int fd, const char *name)
{
	struct names n = { .size = 0 };
	const struct dirent64 *d = names_next(&n, fd);
	return d ? str_eq(d->d_name, name) : !name;
}

/* Behind the last name; or before this one, or where the cookie says if it is not there. */
static off_t find_position(int fd, const struct directory_record *rec)
{
	struct names n = { .size = 0 };
	off_t before = 0;
	if (lseek(fd, (off_t)rec->position, SEEK_SET) >= 0 && comes_next(fd, rec->next))
		return (off_t)rec->position;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	for (const struct dirent64 *d; (d = names_next(&n, fd)); before = d->d_off)
		if (str_eq(d->d_name, rec->next))
			return before;
	return rec->next ? (off_t)rec->position : before;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct directory_record *rec = record;
	CLEANUP_FD int fd = file_path_open(h, &rec->where, flags, err);
	if (fd < 0 || flags & O_PATH || !rec->position)
		return take_fd(&fd);
	off_t position = find_position(fd, rec);
	if (position < 0 || lseek(fd, position, SEEK_SET) < 0) {
		(void)error_sys(err, errno, "cannot set the position");
		return error_object(err, "%s", rec->where.path);
	}
	return take_fd(&fd);
}

static void describe(const void *record, struct buf *out)
{
	file_path_describe(&((const struct directory_record *)record)->where, out);
}

static const struct file_match matches[] = {
	{ FILE_DIRECTORY, NULL },
	{ FILE_DIRECTORY, "devpts" },
	{ FILE_CLASS_NONE, NULL },
};

const struct file_kind file_kind_directory = {
	.name = "directory",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct directory_record),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
