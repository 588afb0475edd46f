/* SPDX-License-Identifier: Apache-2.0 */
/* layer_archive.c - see layer_archive.h: runs contexe-layer(pack|unpack DIR), its archive through a pipe. */
#include "engine/layer_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libexec.h"
#include "proc/process.h"
#include "sys/clone3.h"

struct archiver {
	pid_t pid;
	int data;   /* our end of the archive */
	int errors; /* what it says on its standard error */
};

/* Root of that process' user namespace, with all capabilities there and none elsewhere. */
static int enter_userns(pid_t pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (proc_ns_inode(pid, "user") == proc_ns_inode(0, "user"))
		return 0; /* we are already: see within.h */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWUSER) < 0)
		return -errno;
	(void)syscall(SYS_setgroups, 0, NULL); /* may be denied: then there is nothing to clear */
	return syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0 ? -errno
											  : 0;
}

static NORETURN void archiver_main(const char *program, const char *verb, int dir, pid_t within,
				   int data, int errors)
{
	bool pack = strcmp(verb, "pack") == 0;
	char *argv[] = { "contexe-layer", (char *)verb, ".", NULL };
	int helper =
		open(program, O_RDONLY | O_CLOEXEC); /* its place may be closed to who we become */
	if (helper < 0 || fchdir(dir) < 0 || (within && enter_userns(within) < 0) ||
	    dup2(data, pack ? 1 : 0) < 0 || dup2(errors, 2) < 0)
		_exit(126);
	syscall(SYS_execveat, helper, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

static int archiver_start(const char *verb, int dir, pid_t within, struct archiver *ret,
			  struct error *err)
{
	char program[4096];
	int data[2], errors[2];
	bool pack = strcmp(verb, "pack") == 0;
	int r = libexec_find("contexe-layer", program, sizeof(program));
	if (r < 0) {
		error_sys(err, -r, "cannot find the program contexe-layer");
		return error_hint(err,
				  "reinstall contexe, or set CONTEXE_LIBEXECDIR to where it is");
	}
	if (pipe2(data, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	if (pipe2(errors, O_CLOEXEC) < 0) {
		r = error_sys(err, errno, "cannot make a pipe");
		fd_close(data[0]);
		fd_close(data[1]);
		return r;
	}
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid == 0)
		archiver_main(program, verb, dir, within, data[pack ? 1 : 0], errors[1]);
	fd_close(errors[1]);
	fd_close(data[pack ? 1 : 0]);
	*ret = (struct archiver){ pid, data[pack ? 0 : 1], errors[0] };
	if (pid > 0)
		return 0;
	fd_close(ret->data);
	fd_close(ret->errors);
	return error_sys(err, -pid, "cannot fork");
}

static int archiver_end(struct archiver *a, const char *name, int r, struct error *err)
{
	char text[256];
	int status = 0;
	fd_close(a->data);
	ssize_t n = fd_read_all(a->errors, text, sizeof(text) - 1);
	fd_close(a->errors);
	while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return r;
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	error_set(err, EIO, "%s", text[0] ? text : "contexe-layer ended early");
	return error_object(err, "%s", name);
}

int layer_archive_pack(struct image_writer *w, const char *name, int dir, pid_t within,
		       struct error *err)
{
	struct archiver a;
	int r = archiver_start("pack", dir, within, &a, err);
	if (r < 0)
		return r;
	r = image_blob(w, name, a.data, err);
	return archiver_end(&a, name, r, err);
}

int layer_archive_unpack(struct image *img, const char *name, int dir, pid_t within,
			 struct error *err)
{
	struct archiver a;
	int r = archiver_start("unpack", dir, within, &a, err);
	if (r < 0)
		return r;
	/* a helper that ends early must be an error, not our end */
	sigset_t pipe, before;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
	r = image_blob_read(img, name, a.data, err);
	if (!sigismember(&before, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &(struct timespec){ 0 }) == SIGPIPE)
			;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return archiver_end(&a, name, r, err);
}
