/* SPDX-License-Identifier: Apache-2.0 */
/* procfile.c - writes and reads files of procfs that nothing may stand in for; see parts.h. */
#include "container/security/parts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/openat2.h"

/*
 * RESOLVE_NO_XDEV: a mount over /proc/self or over the file itself is a hostile image's way to make
 * us write elsewhere (CVE-2019-16884, CVE-2019-19921). Where a seccomp filter around us denies
 * openat2(2), the check of the file system type alone has to do.
 */
static int open_below_proc(const char *name, int flags)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	int fd = sys_openat2(proc, name, flags, 0, RESOLVE_NO_XDEV);
	if (fd != -ENOSYS && fd != -EPERM)
		return fd;
	fd = openat(proc, name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_genuine(const char *name, int flags)
{
	CLEANUP_FD int fd = open_below_proc(name, flags);
	struct statfs fs;
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC ? take_fd(&fd) : -EXDEV;
}

bool procfile_says(const char *name, const char *text)
{
	char now[64];
	CLEANUP_FD int fd = open_genuine(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, now, sizeof(now) - 1);
	if (n < 0)
		return false;
	now[n] = '\0';
	now[strcspn(now, "\n")] = '\0';
	return strcmp(now, text) == 0;
}

int procfile_write(const char *name, const char *text)
{
	CLEANUP_FD int fd = open_genuine(name, O_WRONLY);
	if (fd < 0)
		return fd;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}
