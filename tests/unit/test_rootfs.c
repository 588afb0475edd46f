/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rootfs.c - trees as they come out of rootfs_build(), seen from inside, in new namespaces: as root,
 * as an ordinary user in a user namespace, and with the system calls of an old kernel. Needs root.
 */
#include <sched.h>
#include <time.h>

#include "rootfs_harness.h"

/* ---- the default container ---- */

static int check_mounts(void)
{
	char cwd[64];
	CHECK(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0);
	CHECK(is_fs("/proc", PROC_SUPER_MAGIC) && is_fs("/dev", TMPFS_MAGIC));
	CHECK(is_fs("/dev/pts", DEVPTS_SUPER_MAGIC) && is_fs("/dev/shm", TMPFS_MAGIC));
	CHECK(is_fs("/sys", SYSFS_MAGIC) && is_fs("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC));
	CHECK(is_readonly("/sys") && is_readonly("/sys/fs/cgroup") && !is_readonly("/dev"));
	CHECK(has_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"));
	CHECK(is_node("/dev/null", 1, 3) && is_node("/dev/urandom", 1, 9));
	CHECK(is_node("/dev/tty", 5, 0));
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(null >= 0 && write(null, "x", 1) == 1);
	CLEANUP_FD int ptmx = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(ptmx >= 0);
	return 0;
}

static int check_hidden(void)
{
	char byte;
	CHECK(has_text("/proc/keys", "") && is_node("/proc/keys", 1, 3));
	CHECK(has_text("/proc/timer_list", ""));
	CLEANUP_FD int kcore = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	CHECK(kcore < 0 || read(kcore, &byte, 1) == 0);
	struct stat st;
	if (stat("/sys/firmware", &st) == 0)
		CHECK(is_fs("/sys/firmware", TMPFS_MAGIC) && is_readonly("/sys/firmware") &&
		      mkdir("/sys/firmware/x", 0700) < 0 && errno == EROFS);
	CHECK(is_readonly("/proc/sys") && is_readonly("/proc/irq"));
	CHECK(is_absent("/proc/sysrq-trigger") || is_readonly("/proc/sysrq-trigger"));
	CHECK(open("/proc/sys/kernel/domainname", O_WRONLY) < 0 &&
	      (errno == EROFS || errno == EACCES));
	CHECK(!is_readonly("/proc"));
	return 0;
}

/* No mount but those below the new root is left, and the old tree is not to be found by any path. */
static int check_host_is_gone(void)
{
	CHECK(is_absent(base));
	CHECK(is_absent("/../../../..") == false && access("/..", X_OK) == 0);
	struct stat root, up;
	CHECK(stat("/", &root) == 0 && stat("/..", &up) == 0);
	CHECK(root.st_ino == up.st_ino && root.st_dev == up.st_dev);
	CLEANUP_BUF struct buf b = BUF_INIT;
	CHECK(file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &b) == 0);
	unsigned roots = 0;
	for (char *line = b.data, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		char point[256];
		CHECK(sscanf(line, "%*d %*d %*s %*s %255s", point) == 1);
		roots += strcmp(point, "/") == 0;
		CHECK(strcmp(point, "/") == 0 || strncmp(point, "/dev", 4) == 0 ||
		      strncmp(point, "/proc", 5) == 0 || strncmp(point, "/sys", 4) == 0);
	}
	CHECK(roots == 1);
	return 0;
}

static int check_default(void)
{
	int line = check_mounts();
	if (line == 0)
		line = check_hidden();
	if (line == 0)
		line = check_host_is_gone();
	CHECK(line == 0 || !fprintf(stderr, "line %d\n", line));
	struct stat st;
	CHECK(stat("/dev/null", &st) == 0 && (st.st_mode & 07777) == 0666);
	CHECK(stat("/dev/pts/ptmx", &st) == 0 && (st.st_mode & 0777) == 0666);
	return line;
}

static int check_default_and_readonly(void)
{
	int line = check_default();
	if (line)
		return line;
	CHECK(mkdir("/x", 0755) < 0 && errno == EROFS);
	CHECK(open("/etc/passwd", O_WRONLY) < 0 && errno == EROFS);
	CHECK(mkdir("/dev/x", 0755) == 0);
	return 0;
}

static void test_default(void **state UNUSED)
{
	struct rootfs_plan p = PLAN(make_image("default"), default_ops);
	p.cwd = "/work/dir";
	expect_built(&p, check_default);
	struct stat st;
	assert_int_equal(stat(at("default/work/dir"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(rmdir(at("default/work/dir")), 0);
	p.readonly = true;
	p.cwd = NULL;
	expect_built(&p, check_default_and_readonly);
}

static void test_default_on_old_kernel(void **state UNUSED)
{
	struct rootfs_plan p = PLAN(make_image("default"), default_ops);
	p.readonly = true;
	expect_built_how(&p, check_default_and_readonly, ON_OLD_KERNEL);
}

static void test_default_unprivileged(void **state UNUSED)
{
	struct rootfs_plan p = PLAN(make_image("rootless"), default_ops);
	give_to_nobody(p.root);
	p.userns = true;
	expect_built_how(&p, check_default, IN_USERNS);
	p.readonly = true;
	expect_built_how(&p, check_default_and_readonly, IN_USERNS);
	expect_built_how(&p, check_default_and_readonly, IN_USERNS | ON_OLD_KERNEL);
}

static int check_borrowed_sys(void)
{
	CHECK(is_fs("/sys", SYSFS_MAGIC) && is_readonly("/sys"));
	return 0;
}

/* The network is the host's: a sysfs of our own is refused, the host's is shown, read-only. */
static void test_sysfs_is_borrowed(void **state UNUSED)
{
	struct rootfs_plan p = PLAN(make_image("rootless"), default_ops);
	give_to_nobody(p.root);
	p.userns = true;
	p.n_ops = 6;
	expect_built_how(&p, check_borrowed_sys, IN_USERNS | KEEP_NETNS);
}

/* ---- binds, files, tmpfs ---- */

#define BIND(from, to, ...)                                                                        \
	{                                                                                          \
		.kind = MOUNT_BIND, .source = (from), .destination = (to), .userns_fd = -EBADF,    \
		.source_fd = -EBADF, __VA_ARGS__                                                   \
	}

static int check_binds(void)
{
	CHECK(has_text("/data/file", "data\n") && has_text("/new/deep/file", "data\n"));
	CHECK(is_readonly("/ro") && !is_readonly("/data") && !is_readonly("/ro/sub"));
	CHECK(is_readonly("/rro") && is_readonly("/rro/sub") && has_text("/rro/sub/in", "sub\n"));
	CHECK(is_absent("/data/sub/in"));
	CHECK(is_absent("/optional"));
	CHECK(has_text("/link", "data\n"));
	char text[32];
	ssize_t n = readlink("/copied", text, sizeof(text));
	CHECK(n == 4 && memcmp(text, "file", 4) == 0);
	n = readlink("/held", text, sizeof(text));
	CHECK(n == 4 && memcmp(text, "file", 4) == 0);
	struct statvfs st;
	CHECK(statvfs("/rro", &st) == 0 && (st.f_flag & ST_NOSUID) && (st.f_flag & ST_NOEXEC));
	CHECK(statvfs("/data", &st) == 0 && (st.f_flag & ST_NODEV) && (st.f_flag & ST_NOATIME));
	return 0;
}

static void test_binds(void **state UNUSED)
{
	const char *root = make_image("binds");
	put_dir(at("source/sub"));
	put_file(at("source/file"), "data\n");
	(void)symlink("file", at("source/link"));
	struct mount_op ops[] = {
		BIND(at("source"), "/data", .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME,
		     .attr_clear = MOUNT_ATTR__ATIME),
		BIND(at("source/file"), "/new/deep/file", ),
		BIND(at("source"), "/ro", .recursive = true, .attr_set = MOUNT_ATTR_RDONLY),
		BIND(at("source"), "/rro", .recursive = true, .rattr_set = MOUNT_ATTR_RDONLY,
		     .attr_set = NSE),
		BIND(at("nothing"), "/optional", .optional = true),
		BIND(at("source/link"), "/link", ),
		BIND(at("source/link"), "/copied", .copy_symlink = true),
		/* a link mounted over a link */
		LINK("/held", "elsewhere"),
		BIND(at("source/link"), "/held", .source_no_follow = true, .no_follow = true),
	};
	struct rootfs_plan p = PLAN(root, ops);
	assert_int_equal(mount("sub", at("source/sub"), "tmpfs", 0, "size=64k"), 0);
	put_file(at("source/sub/in"), "sub\n");
	struct outcome o = build(&p, check_binds, 0);
	assert_int_equal(umount(at("source/sub")), 0);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.line, 0);
}

static int check_fd_bind(void)
{
	CHECK(has_text("/one/file", "data\n") && has_text("/two/file", "data\n"));
	struct stat st;
	CHECK(stat("/one/file", &st) == 0 && st.st_uid == 0);
	return stat("/two/file", &st) == 0 && st.st_uid == 100000 ? 0 : __LINE__;
}

/* A user namespace in which inside ids are outside ones + 100000. */
static int open_shifted_userns(void)
{
	int fds[2];
	char path[64];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = sys_fork(CLONE_NEWUSER, -1, NULL);
	if (pid == 0) {
		char c;
		(void)close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0);
	}
	(void)close(fds[0]);
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	assert_int_equal(file_write(AT_FDCWD, path, "0 100000 1000"), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	assert_int_equal(file_write(AT_FDCWD, path, "0 100000 1000"), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)close(fds[1]);
	(void)waitpid(pid, NULL, 0);
	return fd;
}

static void test_source_by_descriptor_and_idmap(void **state UNUSED)
{
	const char *root = make_image("fdbind");
	put_dir(at("source"));
	put_file(at("source/file"), "data\n");
	CLEANUP_FD int tree = sys_open_tree(AT_FDCWD, at("source"), OPEN_TREE_CLONE);
	CLEANUP_FD int userns = open_shifted_userns();
	assert_true(tree >= 0 && userns >= 0);
	struct mount_op ops[] = { BIND("(descriptor)", "/one", ), BIND(at("source"), "/two", ) };
	ops[0].source_fd = tree;
	ops[1].userns_fd = userns;
	struct rootfs_plan p = PLAN(root, ops);
	expect_built(&p, check_fd_bind);
}

static int check_files(void)
{
	struct stat st;
	CHECK(has_text("/etc/hostname", "web\n") && has_text("/run/deep/secret", "s3cret"));
	CHECK(stat("/etc/hostname", &st) == 0 && (st.st_mode & 07777) == 0644);
	CHECK(stat("/run/deep/secret", &st) == 0 && (st.st_mode & 07777) == 0400);
	CHECK(st.st_uid == 7 && st.st_gid == 8 && is_readonly("/run/deep/secret"));
	CHECK(is_readonly("/run") && is_fs("/run", TMPFS_MAGIC));
	/* copied up */
	CHECK(is_fs("/etc", TMPFS_MAGIC) && has_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"));
	CHECK(has_text("/etc/dir/link", "deep") && is_fs("/etc/dir", TMPFS_MAGIC));
	CHECK(stat("/etc/dir/file", &st) == 0 && (st.st_mode & 07777) == 04751 && st.st_uid == 12);
	CHECK(st.st_mtim.tv_sec == 1000000);
	CHECK(stat("/etc", &st) == 0 && (st.st_mode & 07777) == 0711);
	CHECK(is_fs("/etc/hostname", TMPFS_MAGIC));
	return 0;
}

static void test_files_and_tmpfs(void **state UNUSED)
{
	const char *root = make_image("files");
	put_dir(at("files/etc/dir"));
	put_file(at("files/etc/dir/file"), "deep");
	(void)symlink("file", at("files/etc/dir/link"));
	struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	assert_int_equal(chown(at("files/etc/dir/file"), 12, 13), 0);
	assert_int_equal(chmod(at("files/etc/dir/file"), 04751), 0);
	assert_int_equal(utimensat(AT_FDCWD, at("files/etc/dir/file"), times, 0), 0);
	assert_int_equal(chmod(at("files/etc"), 0711), 0);
	struct mount_op ops[] = {
		FS("tmpfs", "/run", "mode=0755", NSD | MOUNT_ATTR_RDONLY),
		FS("tmpfs", "/etc", NULL, NSD),
		{ .kind = MOUNT_FILE, .destination = "/etc/hostname", .source = "web\n" },
		{ .kind = MOUNT_FILE,
		  .destination = "/run/deep/secret",
		  .source = "s3cret",
		  .mode = 0400,
		  .uid = 7,
		  .gid = 8,
		  .attr_set = MOUNT_ATTR_RDONLY },
	};
	ops[1].copy_up = true;
	struct rootfs_plan p = PLAN(root, ops);
	expect_built(&p, check_files);
	expect_built_how(&p, check_files, ON_OLD_KERNEL);
	assert_int_equal(access(at("files/etc/hostname"), F_OK), -1);
}

/* ---- options too long for fsconfig, remount, locked attributes ---- */

static int check_long_options(void)
{
	CHECK(is_fs("/mnt", OVERLAYFS_SUPER_MAGIC) && has_text("/mnt/file", "lower\n"));
	CHECK(is_readonly("/mnt") && is_readonly("/tmp"));
	CLEANUP_BUF struct buf b = BUF_INIT;
	CHECK(file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &b) == 0);
	const char *line = strstr(buf_str(&b), " /mnt ");
	CHECK(line && strstr(line, "noexec") && strstr(line, "shared:"));
	return 0;
}

static void test_long_options_and_remount(void **state UNUSED)
{
	const char *lower = at("%0150d", 1), *other = at("%0150d", 2);
	put_dir(lower);
	put_dir(other);
	CLEANUP_STR char *file = xasprintf("%s/file", lower);
	CLEANUP_STR char *data = xasprintf("lowerdir=%s:%s", lower, other);
	put_file(file, "lower\n");
	struct mount_op ops[] = {
		FS("proc", "/proc", NULL, 0),
		FS("overlay", "/mnt", data, NSE | MOUNT_ATTR_RDONLY),
		FS("tmpfs", "/tmp", NULL, 0),
		{ .kind = MOUNT_FS, .destination = "/tmp", .remount = true },
	};
	ops[1].propagation = MS_SHARED;
	ops[3].attr_set = MOUNT_ATTR_RDONLY;
	struct rootfs_plan p = PLAN(make_image("long"), ops);
	expect_built(&p, check_long_options);
	expect_built_how(&p, check_long_options, ON_OLD_KERNEL);
}

static int check_locked(void)
{
	struct statvfs st;
	CHECK(statvfs("/mnt", &st) == 0);
	CHECK((st.f_flag & ST_NOSUID) && (st.f_flag & ST_NODEV) && (st.f_flag & ST_NOEXEC));
	CHECK(st.f_flag & ST_RDONLY);
	return 0;
}

/* "suid,dev,exec" of what the host has mounted otherwise: left as it is. "rw": said. */
static void test_locked_attributes(void **state UNUSED)
{
	struct mount_op ops[] = {
		BIND(at("locked"), "/mnt", .attr_set = MOUNT_ATTR_NOATIME,
		     .attr_clear = NSD | NSE | MOUNT_ATTR__ATIME),
	};
	struct rootfs_plan p = PLAN(make_image("rootless"), ops);
	give_to_nobody(p.root);
	p.userns = true;
	put_dir(at("locked"));
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
	assert_int_equal(mount("locked", at("locked"), "tmpfs", flags, NULL), 0);
	struct outcome o = build(&p, check_locked, IN_USERNS);
	ops[0].attr_set = 0;
	ops[0].attr_clear = MOUNT_ATTR_RDONLY;
	struct outcome rw = build(&p, NULL, IN_USERNS);
	assert_int_equal(umount(at("locked")), 0);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.line, 0);
	print_message("%s; %s\n", rw.err.why, rw.err.hint);
	assert_int_equal(rw.r, -EROFS);
}

/* ---- control groups ---- */

static int check_cgroup_tree(void)
{
	char text[64];
	CHECK(is_fs("/cg", TMPFS_MAGIC) && is_readonly("/cg"));
	CHECK(is_fs("/cg/pids", CGROUP_SUPER_MAGIC) && !is_readonly("/cg/pids"));
	CHECK(is_fs("/cg/unified", CGROUP2_SUPER_MAGIC));
	CHECK(access("/cg/pids/cgroup.procs", F_OK) == 0);
	CHECK(readlink("/cg/pids", text, sizeof(text)) < 0);
	return 0;
}

static void test_cgroup_tree(void **state UNUSED)
{
	if (access("/sys/fs/cgroup/pids", F_OK) < 0)
		skip();
	struct mount_op ops[] = {
		{ .kind = MOUNT_CGROUP,
		  .destination = "/cg",
		  .type = "tree",
		  .data = "pids;unified" },
	};
	struct rootfs_plan p = PLAN(make_image("cgroup"), ops);
	expect_built(&p, check_cgroup_tree);
	ops[0].data = "nosuchcontroller";
	expect_failure(&p, EINVAL, "/cg", "nosuchcontroller", NULL);
	ops[0].data = "../x";
	expect_failure(&p, EINVAL, "/cg", NULL);
}

/* ---- propagation ---- */

static int check_shared_volume(void)
{
	CHECK(mount("inside", "/shared/point", "tmpfs", 0, "size=64k") == 0);
	CHECK(mount("inside", "/private/point", "tmpfs", 0, "size=64k") == 0);
	CHECK(mount("inside", "/tmp", "tmpfs", 0, "size=64k") == 0);
	return 0;
}

/*
 * A container with a shared root: what it mounts in an rshared volume shows outside, nothing else does. In
 * a namespace of its own, since the tests' one is not to be touched.
 */
static void test_shared_propagation(void **state UNUSED)
{
	const char *root = make_image("shared-root");
	put_dir(at("volume/point"));
	put_dir(at("volume2/point"));
	pid_t pid = sys_fork(CLONE_NEWNS, -1, NULL);
	if (pid == 0) {
		struct mount_op ops[] = {
			BIND(at("volume"), "/shared", .recursive = true, .propagation = MS_SHARED,
			     .propagation_rec = true),
			BIND(at("volume2"), "/private", .recursive = true),
		};
		struct rootfs_plan p = PLAN(root, ops);
		p.propagation = MS_SHARED | MS_REC;
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(at("volume"), at("volume"), NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
			_exit(90);
		struct outcome o = build(&p, check_shared_volume, 0);
		if (o.r < 0 || o.line)
			_exit(91);
		if (!is_fs(at("volume/point"), TMPFS_MAGIC))
			_exit(92);
		if (is_fs(at("volume2/point"), TMPFS_MAGIC) ||
		    is_fs(at("shared-root/tmp"), TMPFS_MAGIC))
			_exit(93);
		char *mounts = read_mounts(); /* and the host is whole */
		_exit(strstr(mounts, " /proc ") && !strstr(mounts, "shared-root") ? 0 : 94);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- what it costs ---- */

static double now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Best of some: microseconds that rootfs_build takes in a new namespace, the namespaces not counted. */
static double time_build(const struct rootfs_plan *plan)
{
	double best = 1e9;

	for (int i = 0; i < 50; i++) {
		int fds[2];
		double us = 0;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid_t pid = sys_fork(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC, -1, NULL);
		if (pid == 0) {
			double start = now_us();
			int r = rootfs_build(plan, NULL);
			us = now_us() - start;
			_exit(r < 0 || fd_write_all(fds[1], &us, sizeof(us)) < 0);
		}
		(void)close(fds[1]);
		assert_int_equal(fd_read_all(fds[0], &us, sizeof(us)), sizeof(us));
		(void)close(fds[0]);
		(void)waitpid(pid, NULL, 0);
		best = us < best ? us : best;
	}
	return best;
}

static void test_time(void **state UNUSED)
{
	struct rootfs_plan p = PLAN(make_image("default"), default_ops);
	double all = time_build(&p);
	p.n_ops = 0;
	double floor = time_build(&p);
	print_message("an empty tree: %.0f us; the default container: %.0f us for %zu operations\n",
		      floor, all, ARRAY_SIZE(default_ops));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_default_on_old_kernel),
		cmocka_unit_test(test_default_unprivileged),
		cmocka_unit_test(test_sysfs_is_borrowed),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_source_by_descriptor_and_idmap),
		cmocka_unit_test(test_files_and_tmpfs),
		cmocka_unit_test(test_long_options_and_remount),
		cmocka_unit_test(test_locked_attributes),
		cmocka_unit_test(test_cgroup_tree),
		cmocka_unit_test(test_shared_propagation),
		cmocka_unit_test(test_time),
	};
	if (geteuid() != 0) {
		print_message("needs root\n");
		return 77; /* skipped, for meson */
	}
	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
