/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_cgroup.c - probes of the control group trees at the places where every system mounts them; see
 * probe.h. (What a container uses of them is found out in container/cgroup, with all mounts looked at.)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/clone3.h"
#include "sys/probe.h"

#define CGROUP2_MAGIC 0x63677270

/* The root of the v2 tree: alone, or beside v1 as systemd lays it out. Descriptor or -errno. */
static int open_cgroup2(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct statfs fs;
		CLEANUP_FD int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
			return take_fd(&fd);
	}
	return -ENOENT;
}

int probe_cgroup2(void)
{
	CLEANUP_FD int fd = open_cgroup2();
	return fd < 0 ? fd : 0;
}

/* Whether a list "cpu memory pids" has a word. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ' || p[-1] == ',') &&
		    (p[n] == '\0' || p[n] == ' ' || p[n] == ','))
			return true;
	return false;
}

int probe_cgroup2_controllers(void)
{
	static const char *const wanted[] = { "cpu", "memory", "pids" };
	char list[512];
	CLEANUP_FD int fd = open_cgroup2();
	if (fd < 0)
		return fd;
	ssize_t n = file_read_line(fd, "cgroup.controllers", list, sizeof(list));
	if (n < 0)
		return (int)n;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!has_word(list, wanted[i]))
			return -ENOENT;
	return 0;
}

/* Lines are "8:pids:/path"; a named hierarchy ("1:name=systemd:/") has no controllers. */
int probe_cgroup1(void)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, "/proc/self/cgroup", 64 << 10, &text);
	if (r < 0)
		return r;
	const char *line = buf_str(&text);
	while (line && *line) {
		const char *names = strchr(line, ':');
		if (names && names[1] != ':' && strncmp(names + 1, "name=", 5) != 0)
			return 0;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return -ENOENT;
}

static void dir_cleanup(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Looks for a file in any group below the root. 0, -ENOENT, or 1: there is no group to look at. */
static int look_in_groups(int root, const char *file)
{
	int copy = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(dir_cleanup) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		int r = -errno;
		(void)fd_close(copy);
		return r;
	}
	struct dirent *de;
	while ((de = readdir(dir))) {
		char path[sizeof(de->d_name) + 32];
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", de->d_name, file);
		return faccessat(root, path, F_OK, 0) == 0 ? 0 : -errno;
	}
	return 1;
}

/*
 * The files that every group but the root has. Where there is no other group at all, one is made for the
 * length of the look.
 */
static int group_file(const char *file)
{
	CLEANUP_FD int root = open_cgroup2();
	if (root < 0)
		return root;
	int r = look_in_groups(root, file);
	if (r <= 0)
		return r;
	char name[40], path[80];
	(void)snprintf(name, sizeof(name), "contexe-probe-%d", getpid());
	(void)snprintf(path, sizeof(path), "%s/%s", name, file);
	if (mkdirat(root, name, 0755) < 0)
		return -errno;
	r = faccessat(root, path, F_OK, 0) == 0 ? 0 : -errno;
	(void)unlinkat(root, name, AT_REMOVEDIR);
	return r;
}

int probe_cgroup_freeze(void)
{
	return group_file("cgroup.freeze");
}

int probe_cgroup_kill(void)
{
	return group_file("cgroup.kill");
}

/* Our own group, as a directory. Descriptor or -errno. */
static int open_own_group(void)
{
	CLEANUP_FD int root = open_cgroup2();
	if (root < 0)
		return root;
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, "/proc/self/cgroup", 64 << 10, &text);
	if (r < 0)
		return r;
	const char *line = buf_str(&text);
	while (line && strncmp(line, "0::/", 4) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return -ENOENT;
	line += 4;
	CLEANUP_BUF struct buf path = BUF_INIT;
	buf_puts(&path, "./");
	buf_add(&path, line, strcspn(line, "\n"));
	int fd = openat(root, buf_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A child in the group that we are in already moves nothing. */
int probe_clone_into_cgroup(void)
{
	CLEANUP_FD int group = open_own_group();
	if (group < 0)
		return group;
	struct clone3_args args = { .flags = CLONE_INTO_CGROUP, .cgroup = (uint64_t)group };
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return pid;
	int status = probe_wait(pid);
	return status; /* -EINTR: killed at birth, as by a group that was killed once */
}
