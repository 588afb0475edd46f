/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procview.c - the container's own /proc files (sys/viewfs.h), by path. The new container has its own, or the kernel's where
 * it has none. Of a text that was read in part the rest is made anew, so it tells of the moment of the next read.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"

struct procview_record {
	struct file_path where;
	uint64_t position;
};

static const struct field fields[] = {
	FIELD(struct procview_record, where, MAP, .fields = file_path_fields),
	FIELD(struct procview_record, position, U64, .optional = true),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct procview_record *rec = record;
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	return file_path_collect_kernel(c, f, &rec->where, err);
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct procview_record *rec = record;
	CLEANUP_FD int fd = file_path_open(h, &rec->where, flags, err);
	if (fd < 0 || flags & O_PATH || !rec->position)
		return take_fd(&fd);
	if (lseek(fd, (off_t)rec->position, SEEK_SET) < 0) {
		(void)error_sys(err, errno, "cannot set the position");
		return error_object(err, "%s", rec->where.path);
	}
	return take_fd(&fd);
}

static void describe(const void *record, struct buf *out)
{
	file_path_describe(&((const struct procview_record *)record)->where, out);
}

static const struct file_match matches[] = {
	{ FILE_REGULAR, "procview" },
	{ FILE_CLASS_NONE, NULL },
};

const struct file_kind file_kind_procview = {
	.name = "procview",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct procview_record),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
