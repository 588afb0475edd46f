/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regular.c - regular files that lie in a file system: position, flags, path; deleted ones as ghosts.
 *
 * The content of a file that has a name stays where it is. So at restore it must be there, of the same type, and hold what
 * the program relies on: a file that is read must not have become shorter; one that is mapped and only read must be
 * the very same (size and time of change), since pages of it are not in the image.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"

struct regular_record {
	struct file_path where;
	uint64_t position;
	uint64_t size;
	int64_t mtime;
	bool mapped; /* a task has it in its address space */
};

static const struct field fields[] = {
	FIELD(struct regular_record, where, MAP, .fields = file_path_fields),
	FIELD(struct regular_record, position, U64, .optional = true),
	FIELD(struct regular_record, size, U64, .optional = true),
	FIELD(struct regular_record, mtime, I64, .optional = true),
	FIELD(struct regular_record, mapped, BOOL, .optional = true),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct regular_record *rec = record;
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	rec->size = (uint64_t)f->st.st_size;
	rec->mtime = f->st.st_mtim.tv_sec;
	return file_path_collect(c, f, &rec->where, err);
}

/* Who holds it without a descriptor has it mapped, or executes it. */
static int settle(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	(void)err;
	struct regular_record *rec = record;
	const struct object *o = objects_by_id(c->objects, OBJECT_FILE, f->id);
	for (size_t i = 0; o && i < o->n_holders; i++)
		if (o->holders[i].pid > 0 && o->holders[i].number < 0)
			rec->mapped = true;
	return 0;
}

static int changed(const struct regular_record *rec, const char *how, struct error *err)
{
	(void)error_set(err, ESTALE, "the file %s since the checkpoint", how);
	(void)error_object(err, "%s", rec->where.path);
	return error_hint(err, "put back what was there");
}

static int check(const struct regular_record *rec, int flags, const struct stat *st,
		 struct error *err)
{
	uint64_t size = (uint64_t)st->st_size;
	int mode = flags & O_ACCMODE;
	if (rec->mapped && mode == O_RDONLY &&
	    (size != rec->size || st->st_mtim.tv_sec != rec->mtime))
		return changed(rec, "is mapped, and was changed", err);
	if (size >= rec->size)
		return 0;
	if (mode != O_WRONLY)
		return changed(rec, "became shorter", err);
	if (!(flags & O_APPEND) && rec->position > size)
		return changed(rec, "became shorter than the position in it", err);
	return 0;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct regular_record *rec = record;
	struct stat st;
	/* O_DIRECTORY: of an open with O_TMPFILE */
	CLEANUP_FD int fd = file_path_open(h, &rec->where, flags & ~O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "fstat(2)");
	if (flags & O_PATH)
		return take_fd(&fd);
	int r = rec->where.ghost ? 0 : check(rec, flags, &st, err);
	if (r < 0)
		return r;
	if (lseek(fd, (off_t)rec->position, SEEK_SET) < 0 && rec->position) {
		(void)error_sys(err, errno, "cannot set the position");
		return error_object(err, "%s", rec->where.path);
	}
	return take_fd(&fd);
}

static void describe(const void *record, struct buf *out)
{
	const struct regular_record *rec = record;
	file_path_describe(&rec->where, out);
	if (rec->position)
		buf_printf(out, " at %llu", (unsigned long long)rec->position);
}

static const struct file_match matches[] = { { FILE_REGULAR, NULL }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_regular = {
	.name = "regular",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct regular_record),
	.collect = collect,
	.settle = settle,
	.open = reopen,
	.describe = describe,
};
