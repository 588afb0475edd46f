/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernfs.c - files and directories of sysfs and of control groups: by path. A container sees its own group as the root
 * of /sys/fs/cgroup, so the path is the same when the group is another.
 */
#include <fcntl.h>
#include <string.h>

#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"

struct kernfs_record {
	struct file_path where;
	uint64_t position;
};

static const struct field fields[] = {
	FIELD(struct kernfs_record, where, MAP, .fields = file_path_fields),
	FIELD(struct kernfs_record, position, U64, .optional = true),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct kernfs_record *rec = record;
	/* a trigger that was written to it lives as long as this open file, and cannot be read back */
	if ((f->flags & O_ACCMODE) != O_RDONLY && strstr(f->link, ".pressure"))
		return file_refuse(c, f, "it may have a pressure trigger", "close it");
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	return file_path_collect_kernel(c, f, &rec->where, err);
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct kernfs_record *rec = record;
	return file_path_open_at(h, &rec->where, rec->position, flags, err);
}

static void describe(const void *record, struct buf *out)
{
	file_path_describe(&((const struct kernfs_record *)record)->where, out);
}

static const struct file_match matches[] = {
	{ FILE_REGULAR, "sysfs" },    { FILE_DIRECTORY, "sysfs" }, { FILE_REGULAR, "cgroup" },
	{ FILE_DIRECTORY, "cgroup" }, { FILE_CLASS_NONE, NULL },
};

const struct file_kind file_kind_kernfs = {
	.name = "kernfs",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct kernfs_record),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
