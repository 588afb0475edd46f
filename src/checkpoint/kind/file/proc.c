/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - files and directories of the container's /proc. "self" is a number by the time the kernel tells the path, and
 * numbers are kept; so a path below /proc/PID is opened late, when that task exists again. Of a text that was read in part the
 * rest is made anew when the position is set, so it tells of that moment.
 */
#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "base/parse.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"

struct proc_record {
	struct file_path where;
	uint64_t position;
	bool of_task; /* below /proc/PID */
};

static const struct field fields[] = {
	FIELD(struct proc_record, where, MAP, .fields = file_path_fields),
	FIELD(struct proc_record, position, U64, .optional = true),
	FIELD(struct proc_record, of_task, BOOL, .optional = true),
	FIELDS_END,
};

/* /proc may be mounted anywhere: a part that is a number names a task. */
static bool names_task(const char *path)
{
	for (const char *at = path; (at = strchr(at, '/')); at++) {
		const char *part = at + 1;
		size_t n = strspn(part, "0123456789");
		if (n > 0 && (part[n] == '/' || part[n] == 0))
			return true;
	}
	return false;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct proc_record *rec = record;
	/* a trigger that was written to it lives as long as this open file, and cannot be read back */
	if ((f->flags & O_ACCMODE) != O_RDONLY && strstr(f->link, "/pressure/"))
		return file_refuse(c, f, "it may have a pressure trigger", "close it");
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	rec->of_task = names_task(f->link);
	return file_path_collect_kernel(c, f, &rec->where, err);
}

static bool late(const void *record)
{
	return ((const struct proc_record *)record)->of_task;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct proc_record *rec = record;
	return file_path_open_at(h, &rec->where, rec->position, flags, err);
}

static void describe(const void *record, struct buf *out)
{
	file_path_describe(&((const struct proc_record *)record)->where, out);
}

static const struct file_match matches[] = {
	{ FILE_REGULAR, "proc" },
	{ FILE_DIRECTORY, "proc" },
	{ FILE_CLASS_NONE, NULL },
};

const struct file_kind file_kind_proc = {
	.name = "proc",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct proc_record),
	.collect = collect,
	.late = late,
	.open = reopen,
	.describe = describe,
};
