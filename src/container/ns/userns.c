/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns.c - a user namespace that nobody lives in, for its maps alone: mount_setattr(MOUNT_ATTR_IDMAP) wants
 * one by descriptor. The process that it is made with is gone when this returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/ns/ns.h"
#include "sys/clone3.h"

int ns_make_userns(const struct spec_linux *maps, struct error *err)
{
	int ends[2], status;
	char byte;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int ours = ends[1];
	pid_t pid = sys_fork(CLONE_NEWUSER, FD_NONE, NULL);
	if (pid == 0) { /* lives until our end is closed, also when we die */
		(void)close(ends[1]);
		IGNORE_RESULT(fd_read_all(ends[0], &byte, 1));
		_exit(0);
	}
	fd_close(ends[0]);
	if (pid < 0)
		return error_sys(err, -pid, "cannot make a user namespace for its maps");
	int r = ns_write_idmaps(pid, maps, err);
	int fd = r < 0 ? r : ns_open(pid, ns_find("user"));
	ours = fd_close(ours);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && fd < 0)
		return error_sys(err, -fd, "cannot open the user namespace of the maps");
	return fd;
}
