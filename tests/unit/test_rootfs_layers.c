/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rootfs_layers.c - what a tree stands on: overlays with and without an upper directory, a hundred
 * layers, an unprivileged one, and the host itself with its mounts. Needs root, and a TMPDIR that is on no
 * overlay.
 */
#include "rootfs_harness.h"

static int check_upper(void)
{
	struct stat st;
	CHECK(has_text("/top", "top\n") && has_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"));
	CHECK(stat("/", &st) == 0 && (st.st_mode & 07777) == 0750 && st.st_uid == 5);
	CHECK(mkdir("/made", 0755) == 0 && unlink("/etc/passwd") == 0);
	return 0;
}

static void expect_upper(unsigned how)
{
	const char *lower[] = { at("layer-top") };
	struct rootfs_plan p = { .root = make_image("low"),
				 .overlay = true,
				 .lower = lower,
				 .n_lower = 1,
				 .upper = at("up,per:%u\\", how),
				 .work = at("work:%u", how) };
	put_dir(lower[0]);
	put_file(at("layer-top/top"), "top\n");
	assert_int_equal(chmod(lower[0], 0750), 0);
	assert_int_equal(chown(lower[0], 5, 5), 0);
	put_dir(p.upper);
	put_dir(p.work);
	expect_built_how(&p, check_upper, how);
	CLEANUP_STR char *made = xasprintf("%s/made", p.upper);
	CLEANUP_STR char *gone = xasprintf("%s/etc/passwd", p.upper);
	assert_int_equal(access(made, F_OK), 0);
	assert_true(is_node(gone, 0, 0)); /* a whiteout */
	assert_int_equal(access(at("low/etc/passwd"), F_OK), 0);
	assert_int_equal(access(at("low/made"), F_OK), -1);
}

static void test_overlay(void **state UNUSED)
{
	expect_upper(0);
	expect_upper(ON_OLD_KERNEL);
}

static int check_many_layers(void)
{
	for (int i = 0; i < 100; i++) {
		char path[32], text[16];
		(void)snprintf(path, sizeof(path), "/layer%d", i);
		CHECK(access(path, F_OK) == 0);
		(void)snprintf(text, sizeof(text), "%d", 0);
		CHECK(has_text("/all", text)); /* of the topmost one */
	}
	CHECK(mkdir("/x", 0755) < 0 && errno == EROFS);
	return 0;
}

static void test_hundred_layers(void **state UNUSED)
{
	const char *lower[100];
	char paths[100][300];
	for (int i = 0; i < 100; i++) {
		char text[16];
		/* long names: as text they would not fit a page */
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%0*d", base, 150, i);
		lower[i] = paths[i];
		put_dir(lower[i]);
		(void)snprintf(text, sizeof(text), "%d", i);
		CLEANUP_STR char *own = xasprintf("%s/layer%d", lower[i], i);
		CLEANUP_STR char *all = xasprintf("%s/all", lower[i]);
		put_file(own, text);
		put_file(all, text);
	}
	struct rootfs_plan p = {
		.root = make_image("low"), .overlay = true, .lower = lower, .n_lower = 100
	};
	expect_built(&p, check_many_layers);
	expect_built_how(&p, check_many_layers, ON_OLD_KERNEL);
}

static int check_single_layer(void)
{
	CHECK(has_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"));
	CHECK(mkdir("/x", 0755) < 0 && errno == EROFS);
	return 0;
}

static void test_single_readonly_layer(void **state UNUSED)
{
	struct rootfs_plan p = { .root = make_image("low"), .overlay = true };
	expect_built(&p, check_single_layer);
}

static int check_userns_overlay(void)
{
	CHECK(has_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"));
	CHECK(rename("/etc", "/etc2") < 0 ? errno == EXDEV : 1);
	CHECK(unlink("/etc/passwd") == 0 && mkdir("/made", 0755) == 0);
	return 0;
}

static void test_unprivileged_overlay(void **state UNUSED)
{
	struct rootfs_plan p = { .root = make_image("rootless-low"),
				 .overlay = true,
				 .upper = at("rootless-upper"),
				 .work = at("rootless-work"),
				 .userns = true };
	put_dir(p.upper);
	put_dir(p.work);
	give_to_nobody(p.root);
	give_to_nobody(p.upper);
	give_to_nobody(p.work);
	expect_built_how(&p, check_userns_overlay, IN_USERNS);
	assert_int_equal(access(at("rootless-upper/made"), F_OK), 0);
}

/* ---- the host as a root ---- */

static char host_dir[256], host_mount[256], host_file[256];

/* Nothing of the old root is left beneath or over the new one. */
static int check_one_root(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	unsigned roots = 0;
	CHECK(file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &b) == 0);
	for (const char *s = buf_str(&b); (s = strstr(s, " / / ")); s++)
		roots++;
	CHECK(roots == 1 && is_fs("/", OVERLAYFS_SUPER_MAGIC) &&
	      is_fs("/..", OVERLAYFS_SUPER_MAGIC));
	return 0;
}

static int check_host_mode(void)
{
	int line = check_one_root();
	if (line)
		return line;
	CLEANUP_STR char *in_mount = xasprintf("%s/in", host_mount);
	CLEANUP_STR char *masked = xasprintf("%s/masked", host_mount);
	CLEANUP_STR char *from_mask = xasprintf("%s/from-mask", host_mount);
	struct stat st;

	CHECK(access("/etc/passwd", F_OK) == 0 && access(host_dir, F_OK) == 0);
	CHECK(has_text(in_mount, "in\n") && is_absent(masked) && has_text(from_mask, "mask\n"));
	CHECK(stat(host_mount, &st) == 0 && (st.st_mode & 07777) == 01777);
	CHECK(unlink(in_mount) == 0);
	CHECK(is_readonly(host_file) && has_text(host_file, "bound\n"));
	CLEANUP_STR char *made = xasprintf("%s/made-inside", host_dir);
	CHECK(mkdir(made, 0755) == 0);
	return 0;
}

/* What the layer above hides and adds in the mount: "masked" is a whiteout, "from-mask" a file. */
static void make_mask(const char *layer)
{
	CLEANUP_STR char *dir = xasprintf("%s%s", layer, host_mount);
	CLEANUP_STR char *masked = xasprintf("%s/masked", dir);
	CLEANUP_STR char *from_mask = xasprintf("%s/from-mask", dir);
	put_dir(dir);
	assert_int_equal(chmod(dir, 01777), 0);
	assert_int_equal(mknod(masked, S_IFCHR, 0), 0);
	put_file(from_mask, "mask\n");
}

/* The mount that the tests' directory is on, when that is not the root: it is a submount, too. */
static const char *holding_mount(void)
{
	static char path[64];
	struct stat root, here;
	(void)strcpy(path, base);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat("/", &root) | stat(base, &here), 0);
	return root.st_dev == here.st_dev ? NULL : path;
}

static void test_host_with_submounts(void **state UNUSED)
{
	(void)strcpy(host_dir, at("host"));
	(void)strcpy(host_mount, at("host/mnt"));
	(void)strcpy(host_file, at("host/file"));
	const char *submounts[] = { holding_mount(), host_mount, host_file };
	const char *lower[] = { at("host-mask") };
	struct mount_op ops[] = { FS("proc", "/proc", NULL, 0) };
	struct rootfs_plan p = { .root = "/",
				 .ops = ops,
				 .n_ops = 1,
				 .overlay = true,
				 .lower = lower,
				 .n_lower = 1,
				 .upper = at("host-upper"),
				 .work = at("host-work"),
				 .submounts = submounts + !submounts[0],
				 .n_submounts = 2 + !!submounts[0] };
	put_dir(host_mount);
	put_file(host_file, "beneath\n");
	put_file(at("bound"), "bound\n");
	put_dir(p.upper);
	put_dir(p.work);
	for (int i = 0; i < 2; i++) {
		put_dir(at("host-upper.sub%d", i));
		put_dir(at("host-work.sub%d", i));
	}
	make_mask(lower[0]);
	assert_int_equal(mount("host", host_mount, "tmpfs", 0, "mode=1777"), 0);
	assert_int_equal(mount(at("bound"), host_file, NULL, MS_BIND, NULL), 0);
	put_file(at("host/mnt/in"), "in\n");
	put_file(at("host/mnt/masked"), "secret\n");
	struct outcome o = build(&p, check_host_mode, 0);
	struct outcome old = build(&p, check_one_root, ON_OLD_KERNEL);
	bool untouched = has_text(at("host/mnt/in"), "in\n") && is_absent(at("host/made-inside"));
	assert_int_equal(umount(host_mount), 0);
	assert_int_equal(umount(host_file), 0);
	print_message("%s %s\n", o.err.object, o.err.why);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.line, 0);
	assert_int_equal(old.r, 0);
	assert_int_equal(old.line, 0);
	assert_true(untouched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_hundred_layers),
		cmocka_unit_test(test_single_readonly_layer),
		cmocka_unit_test(test_unprivileged_overlay),
		cmocka_unit_test(test_host_with_submounts),
	};
	if (geteuid() != 0) {
		print_message("needs root\n");
		return 77; /* skipped, for meson */
	}
	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
