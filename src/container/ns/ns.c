/* SPDX-License-Identifier: Apache-2.0 */
/* ns.c - the table of namespaces. See ns.h. */
#include "container/ns/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "sys/clone3.h"

const struct ns_kind ns_kinds[NS_KINDS] = {
	{ "user", "user", "user", CLONE_NEWUSER },
	{ "cgroup", "cgroup", "cgroup", CLONE_NEWCGROUP },
	{ "ipc", "ipc", "ipc", CLONE_NEWIPC },
	{ "uts", "uts", "uts", CLONE_NEWUTS },
	{ "network", "net", "net", CLONE_NEWNET },
	{ "pid", "pid", "pid", CLONE_NEWPID },
	{ "time", "time", "time", CLONE_NEWTIME },
	{ "mount", "mnt", "mnt", CLONE_NEWNS },
};

const struct ns_kind *ns_find(const char *name)
{
	for (size_t i = 0; i < NS_KINDS; i++)
		if (str_eq(name, ns_kinds[i].type) || str_eq(name, ns_kinds[i].alias))
			return &ns_kinds[i];
	return NULL;
}

bool ns_is_ours(const char *path, const struct ns_kind *kind)
{
	char own[64];
	struct stat theirs, ours;
	(void)snprintf(own, sizeof(own), "/proc/self/ns/%s", kind->file);
	return stat(path, &theirs) == 0 && stat(own, &ours) == 0 && theirs.st_ino == ours.st_ino &&
	       theirs.st_dev == ours.st_dev;
}

int ns_open(pid_t pid, const struct ns_kind *kind)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind->file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
