/* SPDX-License-Identifier: Apache-2.0 */
/* fs.c - contexe fs: containers as files. The server is a program of its own, contexe-fs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libexec.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/commands.h"

#define FUSE_MAGIC 0x65735546

static int failed(const struct cli *cli, const char *what, const char *dir, int e, const char *hint)
{
	struct contexe_error err = { .err = e };
	(void)snprintf(err.what, sizeof(err.what), "%s", what);
	(void)snprintf(err.object, sizeof(err.object), "%.255s", dir);
	(void)snprintf(err.why, sizeof(err.why), "%s", strerror(e));
	(void)snprintf(err.hint, sizeof(err.hint), "%s", hint ? hint : "");
	return cli_error(cli, &err);
}

/* ---- unmounting ---- */

/* Without root, by the setuid helper of libfuse. */
static int fusermount(const char *dir, bool lazy)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null >= 0)
			(void)dup2(null, 2);
		execlp("fusermount3", "fusermount3", lazy ? "-uqz" : "-uq", "--", dir, NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return -errno;
	return status == 0 ? 0 : WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EBUSY;
}

static int unmount(const char *dir, bool lazy)
{
	if (umount2(dir, lazy ? MNT_DETACH : UMOUNT_NOFOLLOW) == 0)
		return 0;
	return errno == EPERM ? fusermount(dir, lazy) : -errno;
}

/* The mount whose server has died answers ENOTCONN to all, and is good for nothing but to be unmounted. */
static bool is_dead(const char *dir)
{
	struct stat st;
	return stat(dir, &st) < 0 && errno == ENOTCONN;
}

static int fs_umount(struct cli *cli, const char *dir)
{
	struct statfs fs;
	bool dead = is_dead(dir);
	if (!dead && statfs(dir, &fs) < 0)
		return failed(cli, "cannot unmount the containers' files", dir, errno, NULL);
	if (!dead && fs.f_type != FUSE_MAGIC)
		return failed(cli, "cannot unmount the containers' files", dir, EINVAL,
			      "'contexe fs mount' has mounted nothing there");
	int r = unmount(dir, dead);
	if (r < 0)
		return failed(cli, "cannot unmount the containers' files", dir, -r,
			      r == -EBUSY ? "somebody works in there" : NULL);
	return 0;
}

/* ---- mounting ---- */

static int prepare(struct cli *cli, const char *dir, char real[PATH_MAX], char program[PATH_MAX])
{
	struct statfs fs;
	int r = libexec_find("contexe-fs", program, PATH_MAX);
	if (r < 0)
		return failed(cli, "cannot find the program contexe-fs", dir, -r,
			      "reinstall contexe, or set CONTEXE_LIBEXECDIR to where it is");
	if (is_dead(dir) && (r = unmount(dir, true)) < 0)
		return failed(cli, "cannot unmount what a server that died has left", dir, -r,
			      NULL);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return failed(cli, "cannot make the directory", dir, errno, NULL);
	if (!realpath(dir, real) || statfs(real, &fs) < 0)
		return failed(cli, "cannot mount the containers' files", dir, errno, NULL);
	char control[PATH_MAX + 16];
	(void)snprintf(control, sizeof(control), "%s/container", real);
	if (fs.f_type == FUSE_MAGIC && access(control, F_OK) == 0)
		return failed(cli, "cannot mount the containers' files", dir, EBUSY,
			      "they are there already");
	return 0;
}

/* In a process group and session of its own: it stays when we, and the terminal, have gone. */
static void become_server(const char *program, const char *dir, int ready, bool background)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", ready);
	if (background) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		(void)setsid();
		if (null >= 0) {
			(void)dup2(null, 0);
			(void)dup2(null, 1);
		}
	}
	execl(program, "contexe-fs", dir, ready >= 0 ? number : NULL, NULL);
	fprintf(stderr, "contexe: cannot execute %s: %s\n", program, strerror(errno));
	_exit(126);
}

/* Until it says that it is mounted. Its errors go where ours go until then, later to syslog(3). */
static int start_server(struct cli *cli, const char *program, const char *dir)
{
	int ready[2];
	char byte;
	if (pipe(ready) < 0)
		return failed(cli, "cannot start the server", dir, errno, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		fd_close(ready[0]);
		become_server(program, dir, ready[1], true);
	}
	fd_close(ready[1]);
	ssize_t n = pid < 0 ? -1 : read(ready[0], &byte, 1);
	fd_close(ready[0]);
	if (n == 1)
		return 0;
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return failed(cli, "cannot mount the containers' files", dir, EIO,
		      access("/dev/fuse", F_OK) < 0 ? "/dev/fuse is missing: load the module fuse"
						    : "the server has told why");
}

static int fs_mount(struct cli *cli, const char *dir, bool background)
{
	char program[PATH_MAX], real[PATH_MAX];
	int code = prepare(cli, dir, real, program);
	if (code)
		return code;
	if (setenv("CONTEXE_ROOT", contexe_root(cli->cx), 1) < 0)
		return failed(cli, "cannot start the server", dir, errno, NULL);
	if (background)
		return start_server(cli, program, real);
	become_server(program, real, FD_NONE, false);
	return EXIT_CONTEXE;
}

static int fs_main(struct cli *cli, int argc, char **argv)
{
	int code = args_simple(cli, argc, argv, NULL, &argc, &argv);
	if (code)
		return code;
	bool mount = argc > 0 && str_eq(argv[0], "mount");
	bool unmounts = argc > 0 && str_eq(argv[0], "umount");
	int words = mount || unmounts ? 2 : 1;
	if (argc != words)
		return cli_usage(cli, "it takes one directory");
	if (unmounts)
		return fs_umount(cli, argv[1]);
	code = cli_open(cli);
	return code ? code : fs_mount(cli, argv[words - 1], mount);
}

const struct command command_fs = {
	.name = "fs",
	.usage = "[mount | umount] DIR",
	.summary = "containers as files: a control file, a directory for each",
	.examples = "  contexe fs mount /run/contexe/fs\n"
		    "  echo web >/run/contexe/fs/container\n"
		    "  contexe fs umount /run/contexe/fs\n",
	.complete = "dir",
	.run = fs_main,
};
