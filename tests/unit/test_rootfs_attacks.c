/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rootfs_attacks.c - images that want out: symlinks where mounts, masks and devices go; the resolver of
 * paths, against the kernel's and without it; and what a user is told when a plan cannot be built. Needs
 * root.
 */
#include "rootfs_harness.h"

#include "container/rootfs/inroot.h"

#define OP(...)                                                                                    \
	{                                                                                          \
		.userns_fd = -EBADF, .source_fd = -EBADF, __VA_ARGS__                              \
	}

static void put_link(const char *text, const char *path)
{
	(void)unlink(path);
	(void)rmdir(path);
	assert_int_equal(symlink(text, path), 0);
}

static bool is_empty_dir(const char *path)
{
	return rmdir(path) == 0 && mkdir(path, 0755) == 0;
}

/* ---- /dev, /proc, /sys as symlinks ---- */

static void expect_refused(const char *place, unsigned how)
{
	const char *image = make_image("evil");
	put_dir(at("evil/tmp/evil"));
	put_link("/tmp/evil", at("evil/%s", place));
	struct rootfs_plan p = PLAN(image, default_ops);
	struct outcome o = build(&p, NULL, how);
	print_message("%s: %s; %s\n", o.err.object, o.err.why, o.err.hint);
	assert_int_equal(o.r, -ELOOP);
	assert_non_null(strstr(o.err.object, place));
	assert_true(is_empty_dir(at("evil/tmp/evil")));
	assert_int_equal(unlink(at("evil/%s", place)), 0);
}

static void test_kernel_places_as_symlinks(void **state UNUSED)
{
	static const char *const places[] = { "dev", "proc", "sys" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		expect_refused(places[i], 0);
		expect_refused(places[i], ON_OLD_KERNEL);
	}
}

/* A node where the image put a link to a file: the link is covered, not followed. */
static int check_device_over_link(void)
{
	CHECK(is_node("/dev/null", 1, 3) && is_node("/dev/zero", 1, 5));
	CHECK(has_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"));
	return 0;
}

static void test_device_over_what_is_there(void **state UNUSED)
{
	const char *image = make_image("nodes");
	put_link("../etc/passwd", at("nodes/dev/null"));
	put_file(at("nodes/dev/zero"), "");
	struct mount_op ops[] = { DEVICE("/dev/null", 1, 3), DEVICE("/dev/zero", 1, 5) };
	struct rootfs_plan p = PLAN(image, ops);
	expect_built(&p, check_device_over_link);
}

/* ---- destinations ---- */

static int check_destinations(void)
{
	CHECK(has_text("/etc/passwd", "bound\n") && has_text("/up/passwd", "bound\n"));
	CHECK(has_text("/run/systemd/resolv.conf", "bound\n"));
	CHECK(has_text("/no/such/host/dir/file", "bound\n"));
	CHECK(has_text("/etc/group", "") && is_node("/etc/group", 1, 3));
	return 0;
}

static void test_destinations_stay_inside(void **state UNUSED)
{
	const char *image = make_image("inside");
	put_file(at("bound"), "bound\n");
	put_file(at("inside/etc/group"), "secret\n");
	put_link("../../../../../../../../etc", at("inside/up"));
	put_link("../run/systemd/resolv.conf", at("inside/etc/resolv.conf"));
	put_link("/no/such/host/dir", at("inside/out"));
	put_link("/../../etc/group", at("inside/group"));
	struct mount_op ops[] = {
		OP(.kind = MOUNT_BIND, .source = at("bound"), .destination = "/up/../etc/passwd"),
		OP(.kind = MOUNT_BIND, .source = at("bound"), .destination = "/etc/resolv.conf"),
		OP(.kind = MOUNT_BIND, .source = at("bound"), .destination = "/out/file"),
		OP(.kind = MOUNT_MASK, .destination = "/group"),
	};
	struct rootfs_plan p = PLAN(image, ops);
	expect_built(&p, check_destinations);
	expect_built_how(&p, check_destinations, ON_OLD_KERNEL);
	assert_int_equal(access("/no/such", F_OK), -1);
	assert_int_equal(access(at("run"), F_OK), -1);
	assert_true(has_text(at("inside/etc/passwd"), "root:x:0:0::/:/bin/sh\n"));
}

/* What masks files must be the null device, not what an image or a careless host has under its name. */
static void test_false_null_device(void **state UNUSED)
{
	struct mount_op ops[] = { HIDE(MOUNT_MASK, "/etc/passwd") };
	struct rootfs_plan p = PLAN(make_image("null"), ops);
	put_file(at("fake"), "fake\n");
	pid_t pid = sys_fork(CLONE_NEWNS, -1, NULL);
	if (pid == 0) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(at("fake"), "/dev/null", NULL, MS_BIND, NULL) < 0)
			_exit(90);
		struct outcome o = build(&p, NULL, 0);
		_exit(o.r == -ENODEV ? 0 : 91);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- the resolver ---- */

static const char *const parts[] = { "a",    "b",    "file", "abs", "rel", "up",
				     "loop", "away", "none", "..",  ".",   "" };

static void make_maze(void)
{
	put_dir(at("maze/a/b"));
	put_dir(at("maze/b/a"));
	put_file(at("maze/a/file"), "1");
	put_file(at("maze/file"), "2");
	for (int i = 0; i < 2; i++) {
		const char *dir = i ? "maze/a" : "maze";
		put_link("/a/b", at("%s/abs", dir));
		put_link("b/../b", at("%s/rel", dir));
		put_link("../../../../b", at("%s/up", dir));
		put_link("loop/x", at("%s/loop", dir));
		put_link("/../../tmp", at("%s/away", dir));
	}
}

/* The same path for the same number. */
static void make_path(unsigned seed, char *path, size_t size)
{
	size_t n = 0;
	path[0] = '\0';
	for (unsigned i = 0; i < 1 + seed % 6; i++) {
		seed = seed * 1103515245u + 12345u;
		n += (size_t)snprintf(path + n, size - n, "%s%s", i || (seed & 0x10000) ? "/" : "",
				      parts[(seed >> 18) % ARRAY_SIZE(parts)]);
	}
}

/* Inode, or -errno. */
static long resolve(int root, const char *path, int flags)
{
	struct stat st;
	CLEANUP_FD int fd = inroot_open(root, path, flags);
	return fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : (long)st.st_ino;
}

#define N_PATHS 4000

static const int flag_sets[] = { O_PATH, O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY, O_RDONLY };

/* By the kernel first, then, that taken away, by hand: the answers must be the same. */
static int compare_resolvers(void)
{
	static long answers[N_PATHS][ARRAY_SIZE(flag_sets)];
	unsigned differ = 0;
	char path[128];

	CLEANUP_FD int root = open(at("maze"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			pretend_old_kernel();
		for (unsigned i = 0; i < N_PATHS * ARRAY_SIZE(flag_sets); i++) {
			unsigned k = i / ARRAY_SIZE(flag_sets), f = i % ARRAY_SIZE(flag_sets);
			make_path(k, path, sizeof(path));
			long r = resolve(root, path, flag_sets[f]);
			if (pass == 0)
				answers[k][f] = r;
			else if (answers[k][f] != r && differ++ < 20)
				(void)fprintf(stderr, "\"%s\" flags %x: kernel %ld, by hand %ld\n",
					      path, (unsigned)flag_sets[f], answers[k][f], r);
		}
	}
	return differ != 0;
}

static void test_resolvers_agree(void **state UNUSED)
{
	make_maze();
	pid_t pid = sys_fork(0, -1, NULL);
	if (pid == 0)
		_exit(compare_resolvers());
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_mkdirs(void **state UNUSED)
{
	put_dir(at("mk"));
	put_link("/far/away", at("mk/dangling"));
	CLEANUP_FD int root = open(at("mk"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int one = inroot_mkdirs(root, "/x/y/z", 0711);
	assert_true(one >= 0);
	CLEANUP_FD int two = inroot_mkdirs(root, "dangling/../../../../q/./r/", 0755);
	assert_true(two >= 0);
	CLEANUP_FD int three = inroot_mkdirs(root, "/", 0755);
	assert_true(three >= 0);
	assert_int_equal(access(at("mk/x/y/z"), F_OK), 0);
	assert_int_equal(access(at("mk/far/away"), F_OK), 0);
	assert_int_equal(access(at("mk/q/r"), F_OK), 0);
	assert_int_equal(access("/far", F_OK), -1);
	put_file(at("mk/file"), "x");
	assert_int_equal(inroot_mkdirs(root, "/file/x", 0755), -ENOTDIR);
	char name[NAME_MAX + 1];
	size_t before;
	assert_int_equal(inroot_split("/..", name, &before), -EINVAL);
	assert_int_equal(inroot_split("//", name, &before), -EINVAL);
	assert_int_equal(inroot_split("/p/q//", name, &before), 0);
	assert_int_equal(before, 3);
	CLEANUP_FD int four = inroot_parent(root, "/p/", false);
	assert_true(four >= 0);
	assert_string_equal(name, "q");
	assert_int_equal(access(at("mk/p"), F_OK), 0);
	/* more directories deep than a stack on the stack would hold */
	CLEANUP_BUF struct buf deep = BUF_INIT;
	for (int i = 0; i < 300; i++)
		buf_puts(&deep, "/d");
	CLEANUP_FD int five = inroot_mkdirs(root, buf_str(&deep), 0755);
	assert_true(five >= 0);
}

/* ---- what a user is told ---- */

static void test_failures(void **state UNUSED)
{
	const char *image = make_image("fail");
	put_dir(at("fail/run/dir"));
	struct mount_op op = MOUNT_OP_INIT;
	struct rootfs_plan p = { .root = image, .ops = &op, .n_ops = 1 };

	op.kind = MOUNT_BIND;
	op.destination = "/data";
	op.source = at("missing");
	expect_failure(&p, ENOENT, "/data", "missing", "does not exist", NULL);
	op.source = at("fail/etc/passwd");
	op.destination = "/run/dir";
	expect_failure(&p, ENOTDIR, "/run/dir", "directory", NULL);
	op.destination = "data";
	expect_failure(&p, EINVAL, "data", "absolute", NULL);
	op.destination = "/";
	expect_failure(&p, EINVAL, "root", NULL);
	op = (struct mount_op)FS("nosuchfs", "/mnt", NULL, 0);
	expect_failure(&p, ENODEV, "/mnt", "nosuchfs", "/proc/filesystems", NULL);
	op = (struct mount_op)FS("tmpfs", "/mnt", "size=64k,colour=blue", 0);
	expect_failure(&p, EINVAL, "/mnt", "colour", NULL);
	op = (struct mount_op){ .destination = "/x" };
	expect_failure(&p, EINVAL, "unknown kind", NULL);
	op = (struct mount_op){ .kind = MOUNT_DEVICE, .destination = "/x", .mode = S_IFREG };
	expect_failure(&p, EINVAL, "/x", "device", NULL);
	p.n_ops = 0;
	p.root = at("nowhere");
	expect_failure(&p, ENOENT, "nowhere", NULL);
	p.root = NULL;
	expect_failure(&p, EINVAL, "root", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_places_as_symlinks),
		cmocka_unit_test(test_device_over_what_is_there),
		cmocka_unit_test(test_destinations_stay_inside),
		cmocka_unit_test(test_false_null_device),
		cmocka_unit_test(test_resolvers_agree),
		cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_failures),
	};
	if (geteuid() != 0) {
		print_message("needs root\n");
		return 77; /* skipped, for meson */
	}
	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
