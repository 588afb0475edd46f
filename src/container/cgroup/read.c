/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - the text of a group's file, whichever hierarchy has it, and of the groups above that limit it as well. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "container/cgroup/group.h"

#define READ_MAX (1 << 20)

/* The directory so many levels above g's; false: that is beyond the mount point. */
static bool dir_above(const struct group *g, unsigned up, struct buf *ret)
{
	buf_puts(ret, g->dir);
	for (; up > 0; up--) {
		char *slash = strrchr(ret->data, '/');
		if (!slash || ret->len <= strlen(g->h->mount))
			return false;
		ret->len = (size_t)(slash - ret->data);
		*slash = '\0';
	}
	return ret->len >= strlen(g->h->mount);
}

static int read_from(const struct group *g, unsigned up, const char *name, struct buf *out)
{
	CLEANUP_BUF struct buf path = BUF_INIT;
	if (!g || !name)
		return -ENOENT;
	if (up == 0)
		return file_read(g->fd, name, READ_MAX, out);
	if (!dir_above(g, up, &path))
		return -ENOENT;
	buf_printf(&path, "/%s", name);
	return file_read(AT_FDCWD, buf_str(&path), READ_MAX, out);
}

int cgroup_read(const struct cgroup *cg, const struct cgroup_file *f, unsigned up, struct buf *out)
{
	enum controller ctl = controller_find(f->controller, strlen(f->controller), false);
	int r = read_from(cgroup_group_v2(cg), up, f->v2, out);
	if (r == 0)
		return CGROUP_TEXT_V2;
	r = read_from(cgroup_group_v1(cg, ctl), up, f->v1, out);
	return r < 0 ? r : CGROUP_TEXT_V1;
}
