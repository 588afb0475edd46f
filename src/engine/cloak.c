/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloak.c - this program once more, from a view of its file that nobody can write through.
 *
 * A process that goes into a container takes its file along: /proc/PID/exe. Who may look there (CAP_SYS_PTRACE in our user
 * namespace, as `--cap-add SYS_PTRACE` gives) could keep it open until it runs no more, and then write to it, on the
 * machine (CVE-2019-5736). A detached mount of the file alone that is read-only stays so: it is in no mount namespace,
 * where somebody could change it. open_tree(2), mount_setattr(2), Linux 5.12.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "engine/handle.h"
#include "sys/mountfd.h"

#define ARGUMENTS_MAX (64u << 20)
#define SELF	      "/proc/self/exe"

static bool is_cloaked(void)
{
	struct statvfs fs;
	return statvfs(SELF, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

static int read_only_view(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	CLEANUP_FD int fd = sys_open_tree(AT_FDCWD, SELF, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return fd;
	int r = sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr);
	return r < 0 ? r : take_fd(&fd);
}

int contexe_cloak(void)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	char *none[] = { NULL }, **argv = none;
	size_t n = 0;
	if (is_cloaked())
		return (int)prctl(PR_SET_NAME, "contexe", 0, 0, 0) * 0;
	int r = file_read(AT_FDCWD, "/proc/self/cmdline", ARGUMENTS_MAX, &text);
	if (r < 0)
		return r;
	CLEANUP_FD int view = read_only_view();
	if (view < 0)
		return view;
	argv = xcalloc(text.len + 1, sizeof(*argv));
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		argv[n++] = text.data + at;
	(void)syscall(SYS_execveat, view, "", argv, environ, AT_EMPTY_PATH);
	r = -errno;
	free(argv);
	return r;
}
