/* SPDX-License-Identifier: Apache-2.0 */
/* test_mountinfo.c - the parser of mountinfo lines and its reader: src/sys/mountinfo.c */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "sys/mountinfo.h"

static void test_full_line(void **state UNUSED)
{
	char line[] =
		"36 35 98:0 /mnt1 /a\\040b\\134c rw,noatime shared:7 master:1 propagate_from:2 "
		"unbindable - fuse.ssh\\043fs me@host:/x rw,errors=continue";
	struct mountinfo m;

	assert_int_equal(mountinfo_parse_line(line, &m), 0);
	assert_int_equal(m.id, 36);
	assert_int_equal(m.parent, 35);
	assert_int_equal(m.dev, makedev(98, 0));
	assert_string_equal(m.root, "/mnt1");
	assert_string_equal(m.mount_point, "/a b\\c");
	assert_string_equal(m.options, "rw,noatime");
	assert_int_equal(m.shared, 7);
	assert_int_equal(m.master, 1);
	assert_int_equal(m.propagate_from, 2);
	assert_true(m.unbindable);
	assert_string_equal(m.type, "fuse.ssh#fs");
	assert_string_equal(m.source, "me@host:/x");
	assert_string_equal(m.super_options, "rw,errors=continue");
}

static void test_no_tags_and_no_source(void **state UNUSED)
{
	char line[] = "22 1 0:21 / /proc rw - proc  rw";
	struct mountinfo m;

	assert_int_equal(mountinfo_parse_line(line, &m), 0);
	assert_int_equal(m.shared | m.master | m.propagate_from, 0);
	assert_false(m.unbindable);
	assert_string_equal(m.source, "");
}

static void test_rubbish(void **state UNUSED)
{
	static const char *const lines[] = {
		"",
		"36",
		"36 35 98:0 /mnt1 /mnt2 rw",
		"36 35 98:0 /mnt1 /mnt2 rw shared:1",
		"36 35 98:0 /mnt1 /mnt2 rw - ext4 x",
		"x 35 98:0 /mnt1 /mnt2 rw - ext4 x rw",
		"36 -1 98:0 /mnt1 /mnt2 rw - ext4 x rw",
		"36 35 98 /mnt1 /mnt2 rw - ext4 x rw",
		"36 35 98:0 /mnt1 mnt2 rw - ext4 x rw",
		"36 35 98:0 /mnt1 /mnt2 rw shared:x - ext4 x rw",
		"99999999999 35 98:0 /mnt1 /mnt2 rw - ext4 x rw",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[128];
		struct mountinfo m = { .id = 77 };
		(void)strcpy(line, lines[i]);
		assert_int_equal(mountinfo_parse_line(line, &m), -EINVAL);
		assert_int_equal(m.id, 77);
	}
}

static void test_read_own(void **state UNUSED)
{
	CLEANUP_ARENA struct arena a = { 0 };
	struct mountinfo *m;
	size_t n, with_proc = 0;
	struct stat st;

	assert_int_equal(mountinfo_read(&a, AT_FDCWD, "/proc/self/mountinfo", &m, &n), 0);
	assert_int_equal(stat("/proc/self", &st), 0);
	for (size_t i = 0; i < n; i++)
		if (strcmp(m[i].mount_point, "/proc") == 0 && m[i].dev == st.st_dev)
			with_proc++;
	assert_true(with_proc >= 1);
	assert_int_equal(mountinfo_read(&a, AT_FDCWD, "/proc/self/nothing", &m, &n), -ENOENT);
	assert_int_equal(mountinfo_read(&a, AT_FDCWD, "/proc/self/status", &m, &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_line),
		cmocka_unit_test(test_no_tags_and_no_source),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_read_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
