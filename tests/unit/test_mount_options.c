/* SPDX-License-Identifier: Apache-2.0 */
/* test_mount_options.c - the table of mount options, both directions: src/container/rootfs/options.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "base/buf.h"
#include "container/rootfs/tree.h"

#define MAX_OPTIONS 8

struct parsed {
	struct arena arena;
	struct mount_op op;
	struct error err;
	int r;
};

/* Splits at blanks, so that a case is one string. */
static void parse(struct parsed *p, enum mount_kind kind, const char *text)
{
	const char *options[MAX_OPTIONS];
	size_t n = 0;

	*p = (struct parsed){ .op = MOUNT_OP_INIT };
	p->op.kind = kind;
	char *copy = arena_strdup(&p->arena, text);
	for (char *s; (s = strsep(&copy, " "));)
		options[n++] = s;
	p->r = mount_options_parse(&p->arena, options, n, &p->op, &p->err);
}

static void test_attributes(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint64_t set, clear, rset, rclear;
	} cases[] = {
		{ "ro", MOUNT_ATTR_RDONLY, 0, 0, 0 },
		{ "rw", 0, MOUNT_ATTR_RDONLY, 0, 0 },
		{ "ro rw", 0, MOUNT_ATTR_RDONLY, 0, 0 },
		{ "rw ro", MOUNT_ATTR_RDONLY, 0, 0, 0 },
		{ "nosuid nodev noexec", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		  0, 0, 0 },
		{ "nosuid suid", 0, MOUNT_ATTR_NOSUID, 0, 0 },
		{ "noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0 },
		{ "noatime strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0 },
		{ "strictatime relatime", 0, MOUNT_ATTR__ATIME, 0, 0 },
		{ "nodiratime diratime", 0, MOUNT_ATTR_NODIRATIME, 0, 0 },
		{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0 },
		{ "rro", 0, 0, MOUNT_ATTR_RDONLY, 0 },
		{ "rrw", 0, 0, 0, MOUNT_ATTR_RDONLY },
		{ "ro rnosuid", MOUNT_ATTR_RDONLY, 0, MOUNT_ATTR_NOSUID, 0 },
		{ "rnoatime", 0, 0, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
		{ "rrelatime", 0, 0, 0, MOUNT_ATTR__ATIME },
		{ "rnosymfollow rnodiratime", 0, 0, MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME,
		  0 },
		{ "defaults silent loud", 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parsed p;
		parse(&p, MOUNT_FS, cases[i].text);
		print_message("%s\n", cases[i].text);
		assert_int_equal(p.r, 0);
		assert_int_equal(p.op.attr_set, cases[i].set);
		assert_int_equal(p.op.attr_clear, cases[i].clear);
		assert_int_equal(p.op.rattr_set, cases[i].rset);
		assert_int_equal(p.op.rattr_clear, cases[i].rclear);
		assert_null(p.op.data);
		arena_done(&p.arena);
	}
}

static void test_binds_and_propagation(void **state UNUSED)
{
	struct parsed p;

	parse(&p, 0, "rbind rslave ro");
	assert_int_equal(p.r, 0);
	assert_int_equal(p.op.kind, MOUNT_BIND);
	assert_true(p.op.recursive);
	assert_int_equal(p.op.propagation, MS_SLAVE);
	assert_true(p.op.propagation_rec);
	arena_done(&p.arena);

	parse(&p, 0, "bind shared");
	assert_int_equal(p.op.kind, MOUNT_BIND);
	assert_false(p.op.recursive);
	assert_int_equal(p.op.propagation, MS_SHARED);
	assert_false(p.op.propagation_rec);
	arena_done(&p.arena);

	parse(&p, 0, "bind idmap=uids=0-1-10#10-11-10 copy-symlink");
	assert_int_equal(p.r, 0);
	assert_true(p.op.idmap && p.op.copy_symlink && !p.op.idmap_rec);
	assert_string_equal(p.op.idmap_text, "uids=0-1-10#10-11-10");
	arena_done(&p.arena);

	parse(&p, 0, "rbind ridmap src-nofollow dest-nofollow");
	assert_int_equal(p.r, 0);
	assert_true(p.op.idmap && p.op.idmap_rec && p.op.source_no_follow && p.op.no_follow);
	assert_null(p.op.idmap_text);
	arena_done(&p.arena);
}

/* What is not ours goes to the file system, in order and unchanged. */
static void test_data(void **state UNUSED)
{
	struct parsed p;

	parse(&p, MOUNT_FS, "nosuid size=64k mode=1777 sync tmpcopyup ro=strange rubbish");
	assert_int_equal(p.r, 0);
	assert_string_equal(p.op.data, "size=64k,mode=1777,sync,ro=strange,rubbish");
	assert_true(p.op.copy_up);
	assert_int_equal(p.op.attr_set, MOUNT_ATTR_NOSUID);
	arena_done(&p.arena);

	parse(&p, MOUNT_FS, " r =x");
	assert_int_equal(p.r, 0);
	assert_string_equal(p.op.data, "r,=x");
	arena_done(&p.arena);
}

static void test_contradictions(void **state UNUSED)
{
	static const struct {
		enum mount_kind kind;
		const char *text;
	} cases[] = {
		{ 0, "bind shared slave" },
		{ 0, "bind rprivate rshared" },
		{ 0, "rbind tmpcopyup" },
		{ 0, "bind idmap ridmap" },
		{ 0, "bind copy-symlink src-nofollow" },
		{ MOUNT_FS, "idmap" },
		{ MOUNT_FS, "src-nofollow" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parsed p;
		parse(&p, cases[i].kind, cases[i].text);
		print_message("%s: %s\n", cases[i].text, p.err.why);
		assert_int_equal(p.r, -EINVAL);
		assert_int_equal(p.err.err, EINVAL);
		assert_true(p.err.why[0] != '\0');
		arena_done(&p.arena);
	}
}

static void test_print(void **state UNUSED)
{
	static const struct {
		const char *options, *want;
	} cases[] = {
		{ "rbind ro nosuid rslave", "bind /data from /srv ro,nosuid,rslave,rbind" },
		{ "bind rw rnoexec noatime", "bind /data from /srv rw,noatime,rnoexec" },
		{ "bind relatime ridmap", "bind /data from /srv relatime,ridmap" },
		{ "bind private sync", "bind /data from /srv private,sync" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_BUF struct buf out = BUF_INIT;
		struct parsed p;
		parse(&p, 0, cases[i].options);
		p.op.destination = "/data";
		p.op.source = "/srv";
		mount_op_print(&p.op, &out);
		assert_string_equal(buf_str(&out), cases[i].want);
		arena_done(&p.arena);
	}

	CLEANUP_BUF struct buf out = BUF_INIT;
	struct mount_op null = { .kind = MOUNT_DEVICE,
				 .destination = "/dev/null",
				 .mode = S_IFCHR | 0666,
				 .dev = makedev(1, 3) };
	mount_op_print(&null, &out);
	assert_string_equal(buf_str(&out), "device /dev/null c 1:3 mode 0666 owner 0:0");
}

/* What was printed for the mount itself parses to the same again. */
static void test_round_trip(void **state UNUSED)
{
	static const char *const cases[] = {
		"ro,nosuid,nodev,noexec",
		"rw,noatime,rro",
		"strictatime,rrelatime,nosymfollow",
		"exec,dev,suid,diratime,rsuid,rexec",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena a = { 0 };
		CLEANUP_BUF struct buf out = BUF_INIT;
		struct mount_op first = { .kind = MOUNT_FS, .destination = "/x" };
		struct mount_op second = first;
		const char *options[MAX_OPTIONS];
		size_t n = 0;
		char *copy = arena_strdup(&a, cases[i]);
		for (char *s; (s = strsep(&copy, ","));)
			options[n++] = s;
		assert_int_equal(mount_options_parse(&a, options, n, &first, NULL), 0);
		mount_op_print(&first, &out);
		char *printed = arena_strdup(&a, strrchr(buf_str(&out), ' ') + 1);
		n = 0;
		for (char *s; (s = strsep(&printed, ","));)
			options[n++] = s;
		assert_int_equal(mount_options_parse(&a, options, n, &second, NULL), 0);
		assert_memory_equal(&first, &second, sizeof(first));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes), cmocka_unit_test(test_binds_and_propagation),
		cmocka_unit_test(test_data),	   cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_print),	   cmocka_unit_test(test_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
