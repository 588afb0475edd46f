/* SPDX-License-Identifier: Apache-2.0 */
/* symlink.c - symbolic links themselves, held open with O_PATH | O_NOFOLLOW. */
#include <fcntl.h>
#include <sys/stat.h>

#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	if (f->st.st_nlink == 0)
		return file_refuse(c, f, "it is a symbolic link that was removed", "close it");
	return file_path_collect(c, f, record, err);
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	return file_path_open(h, record, flags | O_PATH | O_NOFOLLOW, err);
}

static void describe(const void *record, struct buf *out)
{
	file_path_describe(record, out);
}

static const struct file_match matches[] = { { FILE_SYMLINK, NULL }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_symlink = {
	.name = "symlink",
	.matches = matches,
	.fields = file_path_fields,
	.size = sizeof(struct file_path),
	.no_flags = true,
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
