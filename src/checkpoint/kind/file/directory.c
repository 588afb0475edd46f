/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.c - open directories, working directories and roots too: path and position; removed ones as ghosts.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"

struct directory_record {
	struct file_path where;
	uint64_t position; /* a cookie of the file system's */
};

static const struct field fields[] = {
	FIELD(struct directory_record, where, MAP, .fields = file_path_fields),
	FIELD(struct directory_record, position, U64, .optional = true),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct directory_record *rec = record;
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	return file_path_collect(c, f, &rec->where, err);
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct directory_record *rec = record;
	CLEANUP_FD int fd = file_path_open(h, &rec->where, flags, err);
	if (fd < 0)
		return fd;
	if (!(flags & O_PATH) && rec->position && lseek(fd, (off_t)rec->position, SEEK_SET) < 0) {
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
