/* SPDX-License-Identifier: Apache-2.0 */
/* symlink.c - MOUNT_SYMLINK: a symbolic link in the tree. One with the same text may be there already. */
#include "container/rootfs/tree.h"

#include <string.h>
#include <unistd.h>

#include "base/fd.h"

int symlink_at(int dir, const char *name, const char *text, struct error *err)
{
	char there[PATH_MAX];

	if (symlinkat(text, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return error_sys(err, errno, "cannot make a symbolic link to %s", text);
	ssize_t n = readlinkat(dir, name, there, sizeof(there) - 1);
	if (n >= 0) {
		there[n] = '\0';
		if (strcmp(there, text) == 0)
			return 0;
		return error_set(err, EEXIST, "is a symbolic link to %s, not to %s", there, text);
	}
	return error_set(err, EEXIST, "something is there that is no symbolic link to %s", text);
}

int symlink_make(struct tree *t, const struct mount_op *op, struct error *err)
{
	char name[NAME_MAX + 1];

	if (!op->source || !*op->source)
		return error_set(err, EINVAL, "no text is given for the symbolic link");
	int dir = destination_parent(t, op, name, err);
	int r = dir < 0 ? dir : symlink_at(dir, name, op->source, err);
	if (r == -EEXIST && op->optional) {
		error_clear(err);
		return 0;
	}
	return r;
}
