/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate.c - a container that may divide its group further (systemd in it, say) must own the files for
 * that, and only those: the limits stay ours. Source: cgroup-v2.rst, "Delegation".
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup/group.h"

/* Newer kernels list theirs in /sys/kernel/cgroup/delegate. */
static const char *const files_v1[] = { "cgroup.procs", "tasks" };
static const char *const files_v2[] = { "cgroup.procs", "cgroup.threads",
					"cgroup.subtree_control" };

static int own(const struct group *g, const char *file, uid_t uid, gid_t gid, struct error *err)
{
	if (fchownat(g->fd, file, uid, gid, *file ? 0 : AT_EMPTY_PATH) == 0 || errno == ENOENT)
		return 0;
	error_sys(err, errno, "cannot give the control group to user %u", uid);
	error_object(err, "%s/%s", g->dir, file);
	return error_hint(err, "the user must be in your user namespace, and the group yours");
}

static int own_all(const struct group *g, const char *const *files, size_t n, uid_t uid, gid_t gid,
		   struct error *err)
{
	int r = own(g, "", uid, gid, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = own(g, files[i], uid, gid, err);
	return r;
}

static int own_listed(const struct group *g, char *list, uid_t uid, gid_t gid, struct error *err)
{
	char *save, *file;
	int r = own(g, "", uid, gid, err);
	for (file = strtok_r(list, "\n", &save); r == 0 && file; file = strtok_r(NULL, "\n", &save))
		if (!strchr(file, '/'))
			r = own(g, file, uid, gid, err);
	return r;
}

int cgroup_delegate(const struct cgroup *cg, uid_t uid, gid_t gid, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	int r = 0;
	for (size_t i = 0; r == 0 && i < cg->n; i++) {
		const struct group *g = &cg->groups[i];
		CLEANUP_BUF struct buf list = BUF_INIT;
		if (!g->h->v2)
			r = own_all(g, files_v1, ARRAY_SIZE(files_v1), uid, gid, err);
		else if (file_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", 4096, &list) == 0 &&
			 list.len > 0)
			r = own_listed(g, list.data, uid, gid, err);
		else
			r = own_all(g, files_v2, ARRAY_SIZE(files_v2), uid, gid, err);
	}
	return r;
}
