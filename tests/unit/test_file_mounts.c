/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_file_mounts.c - open files on the mounts that containers have: layers (overlayfs), read-only ones, single files, things
 * beneath a mount. Runs in a mount namespace of its own.
 */
#include "file_trip.h"

#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>

static struct trip t;

static int round_trip(int fd)
{
	assert_true(fd >= 0);
	trip_begin(&t);
	uint64_t id = trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
	trip_restore(&t);
	return trip_take(&t, id);
}

static void write_file(const char *name, const char *text)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A file system of its own: whatever /tmp is, layers can be made on it. */
static int setup_tmpfs_at(const char *path)
{
	return mount("tmpfs", path, "tmpfs", 0, "mode=0755");
}

/* lower/ and upper/fs/ under root/: lower has file, other, and dir/inner. */
static int setup_layers(bool one_fs)
{
	static const char *const dirs[] = { "lower/dir", "upper/fs", "upper/work", "root" };
	char options[512];
	assert_int_equal(setup(NULL), 0);
	assert_int_equal(setup_tmpfs_at(dir), 0);
	assert_int_equal(mkdir(in_dir("lower"), 0755), 0);
	assert_int_equal(mkdir(in_dir("upper"), 0755), 0);
	if (!one_fs)
		assert_int_equal(setup_tmpfs_at(in_dir("upper")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		assert_int_equal(mkdir(in_dir(dirs[i]), 0755), 0);
	write_file("lower/file", "lower");
	write_file("lower/other", "other");
	write_file("lower/dir/inner", "inner");
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s%s",
		       in_dir("lower"), in_dir("upper/fs"), in_dir("upper/work"),
		       one_fs ? "" : ",xino=off");
	return mount("overlay", in_dir("root"), "overlay", 0, options);
}

static int setup_overlay(void **state)
{
	(void)state;
	return setup_layers(true);
}

/* Numbers of inodes are told in three ways then. */
static int setup_overlay_of_two(void **state)
{
	(void)state;
	return setup_layers(false);
}

static int teardown_mounts(void **state)
{
	while (umount2(dir, MNT_DETACH) == 0)
		;
	return teardown(state);
}

static void test_lower_file_deleted(void **state)
{
	(void)state;
	struct stat st;
	int fd = open(in_dir("root/file"), O_RDONLY);
	assert_int_equal(unlink(in_dir("root/file")), 0);
	assert_int_equal(fstat(fd, &st), 0);
	fd = round_trip(fd);
	check_read(fd, "lower");
	assert_string_equal(trip_link(fd), in_dir("root/file (deleted)"));
	assert_int_equal(count_names(in_dir("root")), 2);
	close(fd);
	trip_end(&t);
}

/* It was opened to read before it was copied up by a write: both see one file. */
static void test_copied_up(void **state)
{
	(void)state;
	int old = open(in_dir("root/other"), O_RDONLY);
	write_file("root/other", "changed");
	int fd = round_trip(old);
	check_read(fd, "changed");
	close(fd);
	trip_end(&t);
	/* and replaced by another one after that */
	old = open(in_dir("root/other"), O_RDONLY);
	write_file("root/new", "new");
	assert_int_equal(rename(in_dir("root/new"), in_dir("root/other")), 0);
	fd = round_trip(old);
	check_read(fd, "changed");
	close(fd);
	trip_end(&t);
}

static void test_layered_directory(void **state)
{
	(void)state;
	int fd = round_trip(open(in_dir("root/dir"), O_RDONLY | O_DIRECTORY));
	assert_string_equal(trip_link(fd), in_dir("root/dir"));
	close(fd);
	trip_end(&t);
	fd = open(in_dir("root/dir"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(unlink(in_dir("root/dir/inner")), 0);
	assert_int_equal(rmdir(in_dir("root/dir")), 0);
	fd = round_trip(fd);
	assert_string_equal(trip_link(fd), in_dir("root/dir (deleted)"));
	assert_int_equal(openat(fd, "x", O_CREAT | O_WRONLY, 0600), -1);
	close(fd);
	trip_end(&t);
}

static void test_watches_in_layers(void **state)
{
	(void)state;
	char buf[1024] __attribute__((aligned(8)));
	const struct inotify_event *ev = (const void *)buf;
	int fd = inotify_init1(IN_NONBLOCK);
	int d = inotify_add_watch(fd, in_dir("root/dir"), IN_CREATE);
	int f = inotify_add_watch(fd, in_dir("root/file"), IN_OPEN);
	assert_true(d > 0 && f > 0);
	fd = round_trip(fd);
	write_file("root/dir/made", "");
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(ev->wd, d);
	assert_string_equal(ev->name, "made");
	close(open(in_dir("root/file"), O_RDONLY));
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(ev->wd, f);
	close(fd);
	trip_end(&t);
}

/* Of a layered file two names are made, and one is removed: the link count does not tell that from a deleted lower file. */
static void test_other_name_in_layers(void **state)
{
	(void)state;
	assert_int_equal(link(in_dir("root/file"), in_dir("root/second")), 0);
	int fd = open(in_dir("root/file"), O_RDWR);
	assert_int_equal(unlink(in_dir("root/file")), 0);
	fd = round_trip(fd);
	int second = open(in_dir("root/second"), O_RDONLY);
	assert_true(trip_same_inode(fd, second));
	check_read(fd, "lower");
	close(second);
	close(fd);
	trip_end(&t);
}

static int setup_tmpfs(void **state)
{
	assert_int_equal(setup(state), 0);
	assert_int_equal(setup_tmpfs_at(dir), 0);
	assert_int_equal(mkdir(in_dir("root"), 0755), 0);
	return setup_tmpfs_at(in_dir("root"));
}

static void test_deleted_on_a_read_only_mount(void **state)
{
	(void)state;
	write_file("root/file", "precious");
	int fd = open(in_dir("root/file"), O_RDONLY);
	assert_int_equal(unlink(in_dir("root/file")), 0);
	assert_int_equal(mount(NULL, in_dir("root"), NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL),
			 0);
	fd = round_trip(fd);
	check_read(fd, "precious");
	close(fd);
	trip_end(&t);
}

static void test_beneath_a_mount(void **state)
{
	(void)state;
	write_file("root/file", "hidden");
	int fd = open(in_dir("root/file"), O_RDONLY);
	assert_int_equal(mount("tmpfs", in_dir("root"), "tmpfs", 0, NULL), 0);
	trip_begin(&t);
	trip_add(&t, fd);
	trip_refused(&t, "not found at this path of the container");
	trip_end(&t);
	close(fd);
}

/* Nine files; tmpfs lists the newest first. */
static void make_list(bool backwards)
{
	char name[32];
	for (int i = 0; i < 9; i++) {
		(void)snprintf(name, sizeof(name), "root/list/%d", backwards ? 8 - i : i);
		(void)unlink(in_dir(name));
		write_file(name, "");
	}
}

/* The directory is made anew, in another order: the same name comes next. At its end it stays at the end. */
static void test_directory_in_another_order(void **state)
{
	(void)state;
	char next[256], buf[4096];
	assert_int_equal(mkdir(in_dir("root/list"), 0755), 0);
	make_list(false);
	int fd = open(in_dir("root/list"), O_RDONLY | O_DIRECTORY);
	int end = open(in_dir("root/list"), O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(dup(fd));
	for (int i = 0; i < 6; i++)
		assert_non_null(readdir(d));
	long at = telldir(d);
	(void)snprintf(next, sizeof(next), "%s", readdir(d)->d_name);
	assert_int_equal(lseek(fd, at, SEEK_SET), at);
	closedir(d);
	while (getdents64(end, buf, sizeof(buf)) > 0)
		;
	trip_begin(&t);
	uint64_t a = trip_add(&t, fd), b = trip_add(&t, end);
	trip_dump(&t);
	close(fd);
	close(end);
	make_list(true);
	trip_restore(&t);
	d = fdopendir(trip_take(&t, a));
	assert_string_equal(readdir(d)->d_name, next);
	closedir(d);
	d = fdopendir(trip_take(&t, b));
	assert_null(readdir(d));
	closedir(d);
	trip_end(&t);
}

/* Like /etc/hosts: a file that is a mount, whose source is replaced outside. */
static void test_mounted_file_without_source(void **state)
{
	(void)state;
	write_file("root/source", "hosts");
	write_file("root/target", "");
	assert_int_equal(mount(in_dir("root/source"), in_dir("root/target"), NULL, MS_BIND, NULL),
			 0);
	assert_int_equal(unlink(in_dir("root/source")), 0);
	int fd = round_trip(open(in_dir("root/target"), O_RDONLY));
	check_read(fd, "hosts");
	close(fd);
	trip_end(&t);
	assert_int_equal(umount2(in_dir("root/target"), MNT_DETACH), 0);
}

static void test_opened_for_writing_on_a_mount_that_is_now_read_only(void **state)
{
	(void)state;
	write_file("root/file", "x");
	trip_begin(&t);
	int fd = open(in_dir("root/file"), O_RDWR);
	trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
	assert_int_equal(mount(NULL, in_dir("root"), NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL),
			 0);
	assert_int_equal(trip_try_restore(&t), -EROFS);
	assert_string_equal(t.err.object, in_dir("root/file"));
	trip_end(&t);
}

int main(void)
{
#define ON_OVERLAY(name) cmocka_unit_test_setup_teardown(name, setup_overlay, teardown_mounts)
#define ON_OVERLAY_OF_TWO(name)                                                                    \
	cmocka_unit_test_setup_teardown(name, setup_overlay_of_two, teardown_mounts)
#define ON_TMPFS(name) cmocka_unit_test_setup_teardown(name, setup_tmpfs, teardown_mounts)
	const struct CMUnitTest tests[] = {
		ON_OVERLAY(test_lower_file_deleted),
		ON_OVERLAY(test_copied_up),
		ON_OVERLAY(test_layered_directory),
		ON_OVERLAY(test_watches_in_layers),
		ON_OVERLAY(test_other_name_in_layers),
		ON_OVERLAY_OF_TWO(test_lower_file_deleted),
		ON_OVERLAY_OF_TWO(test_copied_up),
		ON_OVERLAY_OF_TWO(test_layered_directory),
		ON_OVERLAY_OF_TWO(test_watches_in_layers),
		ON_TMPFS(test_deleted_on_a_read_only_mount),
		ON_TMPFS(test_beneath_a_mount),
		ON_TMPFS(test_directory_in_another_order),
		ON_TMPFS(test_mounted_file_without_source),
		ON_TMPFS(test_opened_for_writing_on_a_mount_that_is_now_read_only),
	};
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		printf("needs root and mounts\n");
		return 77;
	}
	return cmocka_run_group_tests_name("file_mounts", tests, NULL, NULL);
}
