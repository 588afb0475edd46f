/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_harness.h - builds a tree in a child with namespaces of its own and looks at it from inside.
 *
 * A check is a function that runs in the finished container; it returns 0, or the line of what does not hold
 * (CHECK). The tests' files live in one directory below /tmp that is removed at the end.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "container/rootfs/rootfs.h"
#include "sys/clone3.h"
#include "sys/mountfd.h"

#define NOBODY 65534

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			return __LINE__;                                                           \
	} while (0)

/* How the child is to be set up. */
enum {
	IN_USERNS = 1,	   /* as an ordinary user, with only that user mapped */
	ON_OLD_KERNEL = 2, /* no openat2, no mount_setattr, overlay takes no descriptors */
	KEEP_NETNS = 4,
};

struct outcome {
	int r;	  /* of rootfs_build */
	int line; /* of the check that did not hold */
	struct error err;
};

typedef int check_fn(void);

static char base[64]; /* the tests' directory */

/* A path below it, in one of a few buffers used in turn. */
UNUSED static const char *at(const char *fmt, ...) PRINTF_LIKE(1, 2);
UNUSED static const char *at(const char *fmt, ...)
{
	static char paths[32][256];
	static unsigned next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];
	int n = snprintf(path, sizeof(paths[0]), "%s/", base);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

UNUSED static void put_dir(const char *path)
{
	assert_int_equal(file_mkdirs(AT_FDCWD, path, 0755), 0);
}

UNUSED static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Whether the file holds exactly this text. */
UNUSED static bool has_text(const char *path, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	return file_read(AT_FDCWD, path, 1 << 20, &b) == 0 && strcmp(buf_str(&b), text) == 0;
}

UNUSED static bool is_fs(const char *path, long magic)
{
	struct statfs st;
	return statfs(path, &st) == 0 && (long)st.f_type == magic;
}

UNUSED static bool is_readonly(const char *path)
{
	struct statvfs st;
	return statvfs(path, &st) == 0 && (st.f_flag & ST_RDONLY);
}

UNUSED static bool is_node(const char *path, unsigned major, unsigned minor)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

UNUSED static bool is_absent(const char *path)
{
	struct stat st;
	return lstat(path, &st) < 0 && errno == ENOENT;
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(80);
}

static void map_nobody(void)
{
	if (file_write(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    file_write(AT_FDCWD, "/proc/self/uid_map", "0 65534 1") < 0 ||
	    file_write(AT_FDCWD, "/proc/self/gid_map", "0 65534 1") < 0)
		_exit(81);
}

/* openat2 and mount_setattr do not exist; fsconfig(FSCONFIG_SET_FD) is refused. */
static void pretend_old_kernel(void)
{
#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(v, skip)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), 0, (skip))
#define ANSWER(code) BPF_STMT(BPF_RET | BPF_K, (code))
	struct sock_filter code[] = {
		LOAD(nr),
		IS(SYS_openat2, 1),
		ANSWER(SECCOMP_RET_ERRNO | EPERM),
		IS(SYS_mount_setattr, 1),
		ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		IS(SYS_fsconfig, 3),
		LOAD(args[1]),
		IS(FSCONFIG_SET_FD, 1),
		ANSWER(SECCOMP_RET_ERRNO | EBADF),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(82);
}

static NORETURN void child(const struct rootfs_plan *plan, check_fn *check, unsigned how, int out)
{
	struct outcome o = { 0 };

	if (how & IN_USERNS)
		map_nobody();
	if (how & ON_OLD_KERNEL)
		pretend_old_kernel();
	o.r = rootfs_build(plan, &o.err);
	if (o.r == 0 && check)
		o.line = check();
	_exit(fd_write_all(out, &o, sizeof(o)) < 0);
}

static struct outcome build(const struct rootfs_plan *plan, check_fn *check, unsigned how)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	struct outcome o = { .r = -ECHILD };
	int fds[2], status;

	if (how & IN_USERNS)
		flags |= CLONE_NEWUSER;
	if (!(how & KEEP_NETNS))
		flags |= CLONE_NEWNET;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = sys_fork(0, -1, NULL);
	assert_true(pid >= 0);
	if (pid == 0) { /* in between, to give up our ids */
		if (how & IN_USERNS)
			become_nobody();
		pid_t inner = sys_fork(flags, -1, NULL);
		if (inner == 0)
			child(plan, check, how, fds[1]);
		_exit(inner < 0 || waitpid(inner, &status, 0) < 0 || status != 0);
	}
	(void)close(fds[1]);
	if (fd_read_all(fds[0], &o, sizeof(o)) != sizeof(o))
		o.r = -ECHILD;
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return o;
}

UNUSED static void expect_built_how(const struct rootfs_plan *plan, check_fn *check, unsigned how)
{
	char line[1024];
	struct outcome o = build(plan, check, how);
	if (o.r < 0)
		print_error("%s\n", error_line(&o.err, line, sizeof(line)));
	if (o.line)
		print_error("the check in line %d does not hold\n", o.line);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.line, 0);
}

UNUSED static void expect_built(const struct rootfs_plan *plan, check_fn *check)
{
	expect_built_how(plan, check, 0);
}

/* The build fails with this errno, and the text says all these words (up to a NULL). */
UNUSED static void expect_failure(const struct rootfs_plan *plan, int errnum, ...)
{
	char line[1024];
	struct outcome o = build(plan, NULL, 0);
	error_line(&o.err, line, sizeof(line));
	print_message("%s\n", line);
	assert_int_equal(o.r, -errnum);
	assert_int_equal(o.err.err, errnum);
	va_list ap;
	va_start(ap, errnum);
	for (const char *word; (word = va_arg(ap, const char *));)
		if (!strstr(line, word))
			fail_msg("\"%s\" is not told", word);
	va_end(ap);
}

/* A small image at <base>/<name>. */
UNUSED static const char *make_image(const char *name)
{
	static const char *const dirs[] = { "dev", "proc", "sys", "tmp", "etc", "run", "var/log" };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		put_dir(at("%s/%s", name, dirs[i]));
	assert_int_equal(chmod(at("%s/tmp", name), 01777), 0);
	put_file(at("%s/etc/passwd", name), "root:x:0:0::/:/bin/sh\n");
	return at("%s", name);
}

UNUSED static struct rootfs_plan plan_of(const char *root, struct mount_op *ops, size_t n)
{
	return (struct rootfs_plan){ .root = root, .ops = ops, .n_ops = n };
}

#define PLAN(root, ops) plan_of((root), (ops), ARRAY_SIZE(ops))

UNUSED static void give_to_nobody(const char *path)
{
	CLEANUP_STR char *command = xasprintf("chown -R %d:%d %s", NOBODY, NOBODY, path);
	assert_int_equal(system(command), 0);
}

static char *mounts_before;

static char *read_mounts(void)
{
	struct buf b = BUF_INIT;
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 22, &b), 0);
	return buf_take(&b);
}

UNUSED static int harness_setup(void **state UNUSED)
{
	const char *tmp = getenv("TMPDIR"); /* not on an overlay: it holds upper directories */
	(void)snprintf(base, sizeof(base), "%s/rootfs-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(base) || chmod(base, 0755) < 0)
		return -1;
	mounts_before = read_mounts();
	return 0;
}

/* Nothing may have leaked to the namespace of the tests. */
UNUSED static int harness_teardown(void **state UNUSED)
{
	char *mounts_after = read_mounts();
	int leaked = strcmp(mounts_before, mounts_after) != 0;
	if (leaked)
		print_error("mounts were left behind:\n%s", mounts_after);
	free(mounts_before);
	free(mounts_after);
	return file_remove_tree(AT_FDCWD, base) < 0 || leaked ? -1 : 0;
}

/* makedev() is no constant; for small numbers it is this. */
#define DEVICE(path, major, minor)                                                                 \
	{                                                                                          \
		.kind = MOUNT_DEVICE, .destination = (path), .mode = S_IFCHR | 0666,               \
		.dev = (major) << 8 | (minor), .userns_fd = -EBADF, .source_fd = -EBADF            \
	}
#define LINK(path, text)                                                                           \
	{                                                                                          \
		.kind = MOUNT_SYMLINK, .destination = (path), .source = (text),                    \
		.userns_fd = -EBADF, .source_fd = -EBADF                                           \
	}
#define FS(fs, path, options, attr)                                                                \
	{                                                                                          \
		.kind = MOUNT_FS, .destination = (path), .source = (fs), .type = (fs),             \
		.data = (options), .attr_set = (attr), .userns_fd = -EBADF, .source_fd = -EBADF    \
	}
#define HIDE(how, path)                                                                            \
	{                                                                                          \
		.kind = (how), .destination = (path), .optional = true, .userns_fd = -EBADF,       \
		.source_fd = -EBADF                                                                \
	}
#define NSD (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define NSE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

/* What every container gets. */
UNUSED static struct mount_op default_ops[] = {
	FS("proc", "/proc", NULL, NSD | NSE),
	FS("tmpfs", "/dev", "mode=755,size=65536k", NSE),
	FS("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", NSE),
	FS("tmpfs", "/dev/shm", "mode=1777,size=65536k", NSD | NSE),
	FS("mqueue", "/dev/mqueue", NULL, NSD | NSE),
	FS("sysfs", "/sys", NULL, NSD | NSE | MOUNT_ATTR_RDONLY),
	{ .kind = MOUNT_CGROUP,
	  .destination = "/sys/fs/cgroup",
	  .type = "v2",
	  .attr_set = NSD | NSE | MOUNT_ATTR_RDONLY,
	  .userns_fd = -EBADF,
	  .source_fd = -EBADF },
	DEVICE("/dev/null", 1, 3),
	DEVICE("/dev/zero", 1, 5),
	DEVICE("/dev/full", 1, 7),
	DEVICE("/dev/random", 1, 8),
	DEVICE("/dev/urandom", 1, 9),
	DEVICE("/dev/tty", 5, 0),
	LINK("/dev/fd", "/proc/self/fd"),
	LINK("/dev/stdin", "/proc/self/fd/0"),
	LINK("/dev/stdout", "/proc/self/fd/1"),
	LINK("/dev/stderr", "/proc/self/fd/2"),
	LINK("/dev/ptmx", "pts/ptmx"),
	HIDE(MOUNT_READONLY, "/proc/bus"),
	HIDE(MOUNT_READONLY, "/proc/fs"),
	HIDE(MOUNT_READONLY, "/proc/irq"),
	HIDE(MOUNT_READONLY, "/proc/sys"),
	HIDE(MOUNT_READONLY, "/proc/sysrq-trigger"),
	HIDE(MOUNT_MASK, "/proc/acpi"),
	HIDE(MOUNT_MASK, "/proc/asound"),
	HIDE(MOUNT_MASK, "/proc/interrupts"),
	HIDE(MOUNT_MASK, "/proc/kcore"),
	HIDE(MOUNT_MASK, "/proc/keys"),
	HIDE(MOUNT_MASK, "/proc/latency_stats"),
	HIDE(MOUNT_MASK, "/proc/timer_list"),
	HIDE(MOUNT_MASK, "/proc/timer_stats"),
	HIDE(MOUNT_MASK, "/proc/sched_debug"),
	HIDE(MOUNT_MASK, "/proc/scsi"),
	HIDE(MOUNT_MASK, "/sys/firmware"),
	HIDE(MOUNT_MASK, "/sys/devices/virtual/powercap"),
};
