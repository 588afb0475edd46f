/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - where a process was before it was moved into a container's groups. /proc/PID/cgroup, cgroups(7). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"
#include "container/cgroup/group.h"
#include "container/cgroup/member.h"

/* Its path in the hierarchy, from the text of /proc/PID/cgroup: "5:cpu,cpuacct:/a/b". NULL: not in the text. */
static const char *find_path(const char *text, const struct hierarchy *h, size_t *ret_n)
{
	const char *names = h->v2 ? "" : h->names;
	size_t n = strlen(names);
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *at = strchr(line, ':');
		if (!at || strncmp(at + 1, names, n) || at[1 + n] != ':')
			continue;
		*ret_n = strcspn(at + 2 + n, "\n");
		return at + 2 + n;
	}
	return NULL;
}

static int open_place(const char *text, const struct hierarchy *h)
{
	size_t n;
	const char *path = find_path(text, h, &n), *mounted = hierarchy_root(h);
	size_t root = strcmp(mounted, "/") ? strlen(mounted) : 0;
	if (!path || n < root || strncmp(path, mounted, root))
		return FD_NONE;
	CLEANUP_STR char *dir = xasprintf("%s%.*s", h->mount, (int)(n - root), path + root);
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? FD_NONE : fd;
}

void cgroup_place_of(const struct cgroup *cg, pid_t pid, struct cgroup_place *ret)
{
	char path[64];
	CLEANUP_BUF struct buf text = BUF_INIT;
	*ret = (struct cgroup_place){ .n = 0 };
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!cg || file_read(AT_FDCWD, path, 1 << 20, &text) < 0)
		return;
	for (size_t i = 0; i < cg->n && i < ARRAY_SIZE(ret->fds); i++)
		ret->fds[ret->n++] = open_place(buf_str(&text), cg->groups[i].h);
}

void cgroup_put_back(struct cgroup_place *place, pid_t pid)
{
	for (size_t i = 0; i < place->n; i++)
		if (place->fds[i] >= 0)
			IGNORE_RESULT(group_attach(&(struct group){ .fd = place->fds[i] }, pid));
	cgroup_place_done(place);
}

void cgroup_place_done(struct cgroup_place *place)
{
	for (size_t i = 0; i < place->n; i++)
		fd_close(place->fds[i]);
	place->n = 0;
}
