/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapped.c - see mapped.h. The child and we take turns over two pipes: it tells when its namespace is made, we
 * when the maps are written (or close, and it gives up).
 */
#include "engine/mapped.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "container/ns/ns.h"
#include "sys/clone3.h"

/* What the child is for; NULL: it waits until it is no longer wanted. */
struct errand {
	int dirfd;
	const char *path;
};

static NORETURN void child(const struct errand *errand, int made, int go)
{
	char byte;
	if (unshare(CLONE_NEWUSER) < 0 || fd_write_all(made, "m", 1) < 0 ||
	    fd_read_all(go, &byte, 1) != 1)
		_exit(EPERM);
	if (!errand) {
		(void)!fd_read_all(go, &byte, 1);
		_exit(0);
	}
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		_exit(EPERM);
	_exit(-file_remove_tree(errand->dirfd, errand->path) & 0xff);
}

/* Its status of wait(2), when it has ended. */
static int end(struct mapped *m)
{
	int status = 0;
	m->go = fd_close(m->go);
	while (m->pid > 0 && waitpid(m->pid, &status, 0) < 0 && errno == EINTR)
		;
	m->pid = 0;
	return status;
}

static int begin(const struct spec_linux *maps, const struct errand *errand, struct mapped *ret,
		 struct error *err)
{
	int made[2], go[2];
	if (pipe2(made, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int made_read = made[0], made_write = made[1];
	if (pipe2(go, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int go_read = go[0], go_write = go[1];
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid < 0)
		return error_sys(err, -pid, "cannot fork");
	if (pid == 0) {
		fd_close(go_write);
		child(errand, made_write, go_read);
	}
	char byte;
	made_write = fd_close(made_write);
	struct mapped m = { pid, take_fd(&go_write) };
	int r = fd_read_all(made_read, &byte, 1) == 1
			? ns_write_idmaps(pid, maps, err)
			: error_set(err, EPERM, "cannot make a user namespace");
	if (r == 0 && (r = fd_write_all(m.go, "g", 1)) < 0)
		error_sys(err, -r, "a process that holds a user namespace is gone");
	if (r < 0) {
		(void)end(&m);
		return r;
	}
	*ret = m;
	return 0;
}

int mapped_remove_tree(const struct spec_linux *maps, int dirfd, const char *path,
		       struct error *err)
{
	const struct errand errand = { dirfd, path };
	struct mapped m;
	int r = begin(maps, &errand, &m, err);
	if (r < 0)
		return r;
	int status = end(&m);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		r = error_sys(err, WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
			      "cannot remove files of mapped ids");
	return r;
}

int mapped_begin(const struct spec_linux *maps, struct mapped *ret, struct error *err)
{
	return begin(maps, NULL, ret, err);
}

void mapped_end(struct mapped *m)
{
	(void)end(m);
}
