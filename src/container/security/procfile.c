/* SPDX-License-Identifier: Apache-2.0 */
/* procfile.c - writes to files of procfs that nothing may stand in for; see parts.h. */
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
static int open_below_proc(const char *name)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	int fd = sys_openat2(proc, name, O_WRONLY, 0, RESOLVE_NO_XDEV);
	if (fd != -ENOSYS && fd != -EPERM)
		return fd;
	fd = openat(proc, name, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int procfile_write(const char *name, const char *text)
{
	CLEANUP_FD int fd = open_below_proc(name);
	if (fd < 0)
		return fd;
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return -EXDEV;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}
