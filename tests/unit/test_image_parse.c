/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_image_parse.c - what the image store reads: names, digests, records, manifests, the index of an archive;
 * and the paths of a hostile layer (tree.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/digest.h"
#include "image/name.h"
#include "image/record.h"
#include "image/unpack/hasher.h"
#include "image/unpack/plan.h"
#include "image/unpack/platform.h"
#include "image/unpack/tarindex.h"
#include "image/unpack/tree.h"
#include "image_tar.h"

#define HEX64	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX64_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* ---- text ---- */

static void test_digest(void **state UNUSED)
{
	static const char *const bad[] = { "",
					   "sha256",
					   "sha256:",
					   "sha256:" HEX64 "0",
					   "md5:" HEX64,
					   "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef"
					   "0123456789abcdef",
					   "sha512:" HEX64,
					   "sha256:../" };
	char text[DIGEST_TEXT_SIZE];
	struct digest d, e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(digest_parse(bad[i], &d));
	assert_false(digest_parse(NULL, &d));
	assert_true(digest_parse("sha256:" HEX64, &d));
	assert_string_equal(digest_format(&d, text), "sha256:" HEX64);
	assert_true(digest_parse("sha512:" HEX64 HEX64, &e));
	assert_false(digest_equal(&d, &e));
	assert_int_equal(hasher_digest("sha256", "abc", 3, &d), 0);
	assert_string_equal(d.hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(hasher_digest("md9", "abc", 3, &d), -EOPNOTSUPP);
}

static void test_name(void **state UNUSED)
{
	static const char *const good[][2] = {
		{ "redis", "redis:latest" },
		{ "redis:7", "redis:7" },
		{ "docker.io/library/redis:7", "redis:7" },
		{ "index.docker.io/team/app", "team/app:latest" },
		{ "quay.io:443/a/b:v1", "quay.io:443/a/b:v1" },
		{ "localhost/x", "localhost/x:latest" },
		{ "a_b--c.d/e", "a_b--c.d/e:latest" },
	};
	static const char *const bad[] = { "",	    ":",    "a:",	  ":a",	     "/a",  "a/",
					   "a//b",  "../a", ".a",	  "-a",	     "a b", "a\n",
					   "a:b:c", "a@b",  "a:80/b:c:d", "a/b:c/d", "a:/b" };
	char name[IMAGE_NAME_SIZE], file[IMAGE_FILE_SIZE], back[IMAGE_NAME_SIZE], big[400];
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(image_name_normalise(good[i][0], name, &err), 0);
		assert_string_equal(name, good[i][1]);
		image_name_to_file(name, file);
		assert_null(strchr(file, '/'));
		assert_int_equal(image_name_from_file(file, back), 0);
		assert_string_equal(back, name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(image_name_normalise(bad[i], name, i % 2 ? &err : NULL), -EINVAL);
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(image_name_normalise(big, name, &err), -EINVAL);
	big[200] = '\0';
	assert_int_equal(image_name_normalise(big, name, &err), 0);
	for (size_t i = 1; i < 200; i += 2) /* slashes take three bytes in a file name */
		big[i] = '/';
	assert_int_equal(image_name_normalise(big, name, &err), -EINVAL);
	assert_int_equal(image_name_from_file("..", back), -EINVAL);
	assert_int_equal(image_name_from_file("redis", back), -EINVAL);
}

static void test_name_from_path(void **state UNUSED)
{
	static const char *const cases[][3] = {
		{ "/srv/My App.tar.gz", NULL, "my-app:latest" },
		{ "redis-7.2.tar", "x y", "redis-7.2:latest" },
		{ "./dir/", "7", "dir:7" },
		{ "/", NULL, "image:latest" },
		{ ".tar", NULL, "tar:latest" },
		{ "\xc3\xa4.tar", NULL, "tar:latest" },
		{ "a.oci.tar.zst", NULL, "a:latest" },
	};
	char name[IMAGE_NAME_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		image_name_from_path(cases[i][0], cases[i][1], name);
		assert_string_equal(name, cases[i][2]);
		assert_int_equal(image_name_normalise(name, name, NULL), 0);
	}
	assert_int_equal(image_name_from_inside("7.2", "/x/redis", name), 0);
	assert_string_equal(name, "redis:7.2");
	assert_int_equal(image_name_from_inside("docker.io/library/redis:8", "/x/y", name), 0);
	assert_string_equal(name, "redis:8");
	assert_int_equal(image_name_from_inside("../..", "/x/y", name), -EINVAL);
}

static void test_name_match(void **state UNUSED)
{
	assert_int_equal(image_name_match("redis:latest", "redis"), IMAGE_MATCH_EXACT);
	assert_int_equal(image_name_match("redis:7", "docker.io/library/redis:7"),
			 IMAGE_MATCH_EXACT);
	assert_int_equal(image_name_match("quay.io/a/redis:7", "redis:7"), IMAGE_MATCH_SUFFIX);
	assert_int_equal(image_name_match("quay.io/a/redis:7", "a/redis:7"), IMAGE_MATCH_SUFFIX);
	assert_int_equal(image_name_match("quay.io/a/redis:7", "redis"), IMAGE_MATCH_REPOSITORY);
	assert_int_equal(image_name_match("host:80/a/redis:7", "redis"), IMAGE_MATCH_REPOSITORY);
	assert_int_equal(image_name_match("redis:7", "redis:8"), IMAGE_MATCH_NONE);
	assert_int_equal(image_name_match("xredis:7", "redis"), IMAGE_MATCH_NONE);
	assert_int_equal(image_name_match("redis:7", "redis/"), IMAGE_MATCH_NONE);
}

static void test_record(void **state UNUSED)
{
	static const char text[] =
		"{\"id\":\"" HEX64
		"\",\"created\":\"2024-01-02T03:04:05Z\",\"architecture\":\"amd64\","
		"\"size\":18446744073709551615,\"layers\":[\"sha256:" HEX64
		"\"],\"layerSizes\":[5],"
		"\"env\":[\"A=b\"],\"hasCmd\":true,\"labels\":{\"k\":\"v/\\\"\"},\"other\":1}";
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"id\":1}",
		"{\"id\":\"x\"}",
		"{\"id\":\"" HEX64 "\",\"env\":[1]}",
		"{\"id\":\"" HEX64 "\",\"layers\":[\"sha256:../x\"],\"layerSizes\":[1]}",
		"{\"id\":\"" HEX64 "\",\"layers\":[\"sha256:" HEX64 "\"]}",
		"{\"id\":\"" HEX64 "\",\"size\":-1}",
		"{\"id\":\"" HEX64 "\"} x",
		"{\"id\":\"" HEX64 "\",\"user\":\"a\\u0000b\"}",
	};
	struct image img = { 0 }, again = { 0 };
	struct buf out = BUF_INIT;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(record_parse(bad[i], strlen(bad[i]), &img, &err), -EBADMSG);
		assert_true(err.why[0]);
	}
	assert_int_equal(record_parse(text, sizeof(text) - 1, &img, &err), 0);
	record_print(&img, &out);
	assert_int_equal(record_parse(buf_str(&out), out.len, &again, &err), 0);
	assert_string_equal(again.id, HEX64);
	assert_true(again.size == UINT64_MAX && again.layer_sizes.v[0] == 5 && again.has_cmd);
	assert_string_equal(again.labels.v[0].value, "v/\"");
	assert_string_equal(again.env.v[0], "A=b");
	assert_false(again.has_entrypoint);
	image_done(&img);
	image_done(&again);
	buf_done(&out);
}

/* ---- the index of an archive ---- */

static int index_of(const struct buf *b, size_t size, struct tarindex *t, struct error *err)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	assert_int_equal(fd_write_all(fd, b->data, size), 0);
	int r = tarindex_read(fd, size, t, err);
	fd_close(fd);
	return r;
}

static void make_archive(struct buf *b)
{
	char zero[1024] = { 0 }, longer[301];
	memset(longer, 'L', 300);
	longer[300] = '\0';
	tar_add(b, '5', "./blobs/", "", "", 0);
	tar_add(b, '0', "./a", "", "old", 3);
	tar_add(b, '0', "a", "", "newer", 5);
	tar_add(b, 'L', "././@LongLink", "", longer, 301);
	tar_add(b, '0', "cut", "", "x", 1);
	tar_add(b, 'x', "pax", "", "12 path=p/q\n10 size=4\n", 22);
	tar_add(b, '0', "short", "", "data", 4);
	tar_add(b, '2', "one/layer.tar", "../p/./q", "", 0);
	tar_add(b, '1', "hard", "./a", "", 0);
	tar_add(b, '2', "loop", "loop", "", 0);
	tar_add(b, '2', "out", "../../a", "", 0);
	tar_add(b, '3', "device", "", "", 0);
	buf_add(b, zero, sizeof(zero));
}

static void test_tarindex(void **state UNUSED)
{
	struct buf b = BUF_INIT;
	struct tarindex t;
	struct error err;
	char longer[301];
	memset(longer, 'L', 300);
	longer[300] = '\0';

	make_archive(&b);
	assert_int_equal(index_of(&b, b.len, &t, &err), 0);
	const struct tarindex_member *m = tarindex_find(&t, "a");
	assert_true(m && m->size == 5 && memcmp(b.data + m->offset, "newer", 5) == 0);
	assert_ptr_equal(tarindex_find(&t, "hard"), m);
	m = tarindex_find(&t, "p/q");
	assert_true(m && m->size == 4 && memcmp(b.data + m->offset, "data", 4) == 0);
	assert_ptr_equal(tarindex_find(&t, "one/layer.tar"), m);
	assert_true(tarindex_find(&t, longer) && tarindex_find(&t, longer)->size == 1);
	static const char *const none[] = { "cut",    "short", "loop", "out",
					    "device", "blobs", "",     "../a" };
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_null(tarindex_find(&t, none[i]));
	tarindex_done(&t);
	buf_done(&b);
}

static void test_tarindex_damaged(void **state UNUSED)
{
	struct buf b = BUF_INIT;
	struct tarindex t;
	struct error err;

	make_archive(&b);
	for (size_t size = 0; size < b.len - 1024; size += 100) {
		int r = index_of(&b, size, &t, &err);
		if (r == 0) /* cut between two members */
			tarindex_done(&t);
		else
			assert_int_equal(r, -EBADMSG);
	}
	b.data[512 + 5]++; /* the second header */
	assert_int_equal(index_of(&b, b.len, &t, &err), -EBADMSG);
	b.data[5]++;
	assert_int_equal(index_of(&b, b.len, &t, &err), -EILSEQ);
	buf_reset(&b);
	tar_add(&b, 'x', "pax", "", "99 path=x\n", 10);
	assert_int_equal(index_of(&b, b.len, &t, &err), -EBADMSG);
	buf_done(&b);
}

/* ---- plans ---- */

static void test_manifests(void **state UNUSED)
{
	static const char manifest[] =
		"{\"config\":{\"mediaType\":\"application/"
		"vnd.oci.image.config.v1+json\",\"size\":2,"
		"\"digest\":\"sha256:" HEX64 "\"},\"layers\":[{\"mediaType\":"
		"\"application/"
		"vnd.oci.image.layer.v1.tar+zstd\",\"size\":7,\"digest\":\"sha256:" HEX64_B "\"}]}";
	static const char docker[] =
		"[{\"Config\":\"c1\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Layers\":"
		"[\"x/layer.tar\",\"blobs/sha256/" HEX64 "\"]},"
		"{\"Config\":\"c2\",\"RepoTags\":null,\"Layers\":[]}]";
	char config[600], *file = NULL;
	struct plan p = { 0 };
	struct digest d;
	struct error err;

	assert_int_equal(oci_manifest_parse(manifest, sizeof(manifest) - 1, &p, &d, &err), 0);
	assert_string_equal(d.hex, HEX64);
	assert_true(p.n_layers == 1 && p.layers[0].size == 7);
	assert_string_equal(p.layers[0].file, "blobs/sha256/" HEX64_B);
	(void)snprintf(config, sizeof(config),
		       "{\"architecture\":\"%s\",\"os\":\"linux\",\"created\":\"yesterday\","
		       "\"config\":{\"Cmd\":"
		       "[],\"Entrypoint\":null,\"Volumes\":{\"/"
		       "v\":{}}},\"rootfs\":{\"diff_ids\":[\"sha256:" HEX64 "\"]}}",
		       platform_architecture());
	assert_int_equal(config_parse(config, strlen(config), HEX64, &p, &err), 0);
	assert_true(p.image.has_cmd && !p.image.has_entrypoint && p.image.cmd.n == 0);
	assert_null(p.image.created);
	assert_string_equal(p.image.volumes.v[0], "/v");
	plan_done(&p);

	assert_int_equal(docker_manifest_parse(docker, sizeof(docker) - 1, NULL, &p, &file, &err),
			 -ENOTUNIQ);
	assert_non_null(strstr(err.why, "a:1, c2"));
	assert_int_equal(docker_manifest_parse(docker, sizeof(docker) - 1, "b:2", &p, &file, &err),
			 0);
	assert_string_equal(file, "c1");
	assert_true(p.n_layers == 2 && !digest_is_set(&p.layers[0].blob) &&
		    digest_is_set(&p.layers[1].blob));
	plan_done(&p);
	assert_true(platform_rank("linux", platform_architecture()) == 2 &&
		    platform_rank(NULL, "") == 2);
	assert_int_equal(platform_rank("windows", platform_architecture()), 0);
	assert_int_equal(platform_rank("linux", "pdp11"), 0);
}

/* ---- the walk in a layer ---- */

static char *base; /* a directory of this test's own */

static char *at(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *p = paths[next++ % 8];
	(void)snprintf(p, sizeof(paths[0]), "%s/%s", base, name);
	return p;
}

static bool there(const char *name)
{
	struct stat st;
	return lstat(at(name), &st) == 0;
}

static int setup(void **state UNUSED)
{
	char path[] = "/tmp/cxt-image-XXXXXX";
	base = mkdtemp(path) ? strdup(path) : NULL;
	return base ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	int r = file_remove_tree(AT_FDCWD, base);
	free(base);
	return r;
}

static void test_clean_path(void **state UNUSED)
{
	static const char *const good[][2] = {
		{ "a", "a" },	    { "./a//b/", "a/b" }, { "/etc/passwd", "etc/passwd" },
		{ ".", "" },	    { "", "" },		  { "...", "..." },
		{ "a/./b", "a/b" },
	};
	static const char *const bad[] = { "..", "../a", "a/..", "/..", "a/../../b" };
	char clean[PATH_MAX];
	struct error err;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(tree_clean_path(good[i][0], clean, &err), 0);
		assert_string_equal(clean, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tree_clean_path(bad[i], clean, &err), -EBADMSG);
}

static void test_tree(void **state UNUSED)
{
	CLEANUP_TREE struct tree t;
	struct place p;
	struct error err;

	assert_int_equal(mkdir(at("layer"), 0755), 0);
	assert_int_equal(mkdir(at("outside"), 0755), 0);
	CLEANUP_FD int root = open(at("layer"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_init(&t, root, true);
	assert_int_equal(symlinkat(at("outside"), root, "abs"), 0);
	assert_int_equal(symlinkat("../../../outside", root, "up"), 0);
	assert_int_equal(symlinkat("again", root, "again"), 0);

	assert_int_equal(tree_place(&t, "abs/x/f", false, &p, &err), -ENOENT);
	assert_int_equal(tree_place(&t, "abs/x/f", true, &p, &err), 0);
	assert_string_equal(p.name, "f");
	assert_true(t.parent_real[0] != '/' && strstr(t.parent_real, "/outside/x"));
	assert_false(there("outside/x"));
	assert_int_equal(tree_place(&t, "up/y/f", true, &p, &err), 0);
	assert_string_equal(t.parent_real, "outside/y");
	assert_true(there("layer/outside/y") && !there("outside/y"));
	assert_int_equal(tree_place(&t, "again/f", true, &p, &err), -ELOOP);

	/* a link on the way to the directory that was used last is replaced: it is walked again */
	assert_int_equal(tree_place(&t, "up/f", true, &p, &err), 0);
	assert_int_equal(tree_place(&t, "up", true, &p, &err), 0);
	assert_int_equal(tree_clear(&t, &p, &err), 0);
	assert_int_equal(tree_place(&t, "up/f", true, &p, &err), 0);
	assert_string_equal(t.parent_real, "up");
	int opened = tree_open_real(&t, "abs");
	assert_true(opened == -ELOOP || opened == -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_name_from_path),
		cmocka_unit_test(test_name_match),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_tarindex),
		cmocka_unit_test(test_tarindex_damaged),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_clean_path),
		cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
