/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_image.c - the image store: importing, finding, removing and collecting, with a helper that is a shell
 * script and says what a test wants to hear. With CONTEXE_UNPACK in the environment the real helper is used
 * too; tests/integration/test_image_unpack.py has what that one can do.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/libexec.h"
#include "image/gc.h"
#include "image/store.h"
#include "image/storedir.h"
#include "image/unpack/hasher.h"
#include "image_tar.h"

#define HEX64	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX64_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static char *base; /* a directory of this test's own */

static char *at(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *p = paths[next++ % 8];
	(void)snprintf(p, sizeof(paths[0]), "%s/%s", base, name);
	return p;
}

static void put(const char *name, const char *text, mode_t mode)
{
	assert_int_equal(file_replace(AT_FDCWD, at(name), mode, text, strlen(text)), 0);
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

/* ---- importing, with a helper made for the occasion ---- */

#define LAYER	   "sha256:" HEX64_B
#define RECORD(id) "{\"id\":\"" id "\",\"layers\":[\"" LAYER "\"],\"layerSizes\":[3],\"size\":3}"

/* What a good helper does; %s: what else. $1 is "--rootless" or "--". */
#define UNPACK                                                                                     \
	"#!/bin/sh\n[ \"$1\" = -- ] || shift\nw=$2/tmp/work.1\nmkdir $w\necho work work.1\n"       \
	"mkdir -p $w/sha256/" HEX64_B "\necho abc >$w/sha256/" HEX64_B "/f\n"                      \
	"echo '" RECORD(HEX64) "' >$w/image.json\n"

static struct {
	char phase[64];
	uint64_t done, total;
	unsigned calls;
} heard;

static void on_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	assert_ptr_equal(arg, &heard);
	(void)snprintf(heard.phase, sizeof(heard.phase), "%s", phase);
	heard.done = done;
	heard.total = total;
	heard.calls++;
}

static int import_with(const char *script, const char *name, struct error *err)
{
	char *id = NULL;
	assert_int_equal(file_mkdirs(AT_FDCWD, at("bin"), 0755), 0);
	put("bin/contexe-unpack", script, 0755);
	setenv("CONTEXE_LIBEXECDIR", at("bin"), 1);
	int r = image_import(at("store"), "/srv/thing.tar", name, on_progress, &heard, &id, err);
	if (r == 0)
		assert_string_equal(id, HEX64);
	free(id);
	assert_false(there("store/tmp/work.1"));
	return r;
}

static void expect_names(const char *first, const char *second)
{
	struct image *list;
	size_t n;
	struct error err;
	assert_int_equal(image_list(at("store"), &list, &n, &err), 0);
	assert_int_equal(n, first ? 1 : 0);
	if (first) {
		assert_int_equal(list[0].names.n, second ? 2 : 1);
		for (size_t i = 0; i < list[0].names.n; i++)
			assert_true(strcmp(list[0].names.v[i], first) == 0 ||
				    strcmp(list[0].names.v[i], second) == 0);
		image_done(&list[0]);
	}
	free(list);
}

static bool in_use(void *arg, const char *id)
{
	assert_string_equal(id, HEX64);
	return *(bool *)arg;
}

static void test_import_and_remove(void **state UNUSED)
{
	struct image img;
	struct error err;
	struct arena arena = { 0 };
	bool used = true;

	expect_names(NULL, NULL);
	assert_int_equal(image_find(at("store"), "x", &img, &err), -ENOENT);
	assert_int_equal(import_with(UNPACK
				     "echo progress 2 5 10 20\necho name 7\necho name 'b@d'\n"
				     "echo result " HEX64 "\n",
				     NULL, &err),
			 0);
	assert_true(heard.calls == 1 && heard.done == 10 && heard.total == 20);
	assert_string_equal(heard.phase, "layer 2/5");
	expect_names("thing:7", NULL);
	assert_int_equal(import_with(UNPACK "echo note some\necho result " HEX64 "\n", "web", &err),
			 0);
	assert_string_equal(heard.phase, "note: some");
	expect_names("thing:7", "web:latest");

	assert_int_equal(image_find(at("store"), "thing", &img, &err), 0);
	assert_string_equal(img.id, HEX64);
	assert_non_null(img.imported);
	image_done(&img);
	assert_int_equal(image_find(at("store"), "sha256:0123", &img, &err), 0);
	image_done(&img);
	assert_int_equal(image_find(at("store"), "012", &img, &err), -ENOENT);
	assert_int_equal(access(image_layer_path(at("store"), LAYER, &arena), F_OK), 0);
	assert_null(image_layer_path(at("store"), "sha256:..", &arena));
	arena_done(&arena);

	assert_int_equal(image_remove(at("store"), "web", in_use, &used, &err), 0);
	assert_int_equal(image_remove(at("store"), "thing:7", in_use, &used, &err), -EBUSY);
	assert_int_equal(image_remove(at("store"), "nothing", in_use, &used, &err), -ENOENT);
	assert_true(there("store/layers/sha256/" HEX64_B));
	used = false;
	assert_int_equal(image_remove(at("store"), "0123", in_use, &used, &err), 0);
	expect_names(NULL, NULL);
	assert_false(there("store/layers/sha256/" HEX64_B) || there("store/tags/thing:7"));
}

static void test_helpers_that_fail(void **state UNUSED)
{
	static const struct {
		const char *script, *why;
		int err;
	} cases[] = {
		{ UNPACK "printf 'error 28 cannot import\\tlayer 1/2\\tdisk full\\tmake "
			 "room\\n'\nexit 1\n",
		  "disk full", ENOSPC },
		{ UNPACK "echo error 99999 x\nexit 3\n", "status 3", EIO },
		{ UNPACK "exit 0\n", "status 0", EIO },
		{ UNPACK "echo result nonsense\n", "status 0", EIO },
		{ UNPACK "kill -SEGV $$\n", "signal 11", EIO },
		{ UNPACK "kill -KILL $$\n", "was killed", EINTR },
		{ UNPACK "echo result " HEX64_B "\n", "another image", EBADMSG },
		{ UNPACK "echo '{}' >$w/image.json\necho result " HEX64 "\n", "no valid id",
		  EBADMSG },
		{ UNPACK "rm $w/image.json\necho result " HEX64 "\n", "cannot read", ENOENT },
		{ UNPACK "rm -r $w/sha256/*\nln -s /etc $w/sha256/" HEX64_B "\necho result " HEX64
			 "\n",
		  "is missing", EBADMSG },
		{ UNPACK "rm -r $w/sha256\nln -s /etc $w/sha256\necho result " HEX64 "\n",
		  "is missing", ENOTDIR },
		{ "#!/bin/sh\necho work ../../etc\necho result " HEX64 "\n", "cannot open",
		  ENOENT },
		{ UNPACK "head -c 20000 /dev/zero | tr '\\0' x\necho result " HEX64 "\n",
		  "protocol", EPROTO },
		{ "#!/nowhere\n", "status 127", EIO },
	};
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(import_with(cases[i].script, "x", &err), -cases[i].err);
		if (!strstr(err.why, cases[i].why))
			fail_msg("case %zu: \"%s\" has no \"%s\"", i, err.why, cases[i].why);
		assert_string_equal(err.what, "cannot import the image");
		expect_names(NULL, NULL);
		assert_int_equal(import_with(cases[i].script, "x", NULL), -cases[i].err);
	}
	assert_int_equal(import_with(UNPACK, "not valid", &err), -EINVAL);
	setenv("CONTEXE_LIBEXECDIR", "/nowhere", 1);
	char path[PATH_MAX];
	assert_int_equal(libexec_find("no-such-program", path, sizeof(path)), -ENOENT);
	assert_int_equal(libexec_find("../sh", path, sizeof(path)), -EINVAL);
}

static void test_gc(void **state UNUSED)
{
	CLEANUP_STORE struct store s = STORE_NONE;
	struct error err;

	assert_int_equal(import_with(UNPACK "echo result " HEX64 "\n", "x", &err), 0);
	assert_int_equal(store_open(at("store"), false, &s, &err), 0);
	assert_int_equal(file_mkdirs(AT_FDCWD, at("store/tmp/work.dead/sha256/x"), 0), 0);
	assert_int_equal(file_mkdirs(AT_FDCWD, at("store/layers/sha256/" HEX64), 0755), 0);
	int busy = store_lock(&s, "busy", LOCK_SH, &err); /* somebody imports */
	gc_try(&s);
	assert_true(there("store/tmp/work.dead") && there("store/layers/sha256/" HEX64));
	busy = fd_close(busy);
	put("store/images/" HEX64_B ".json", "{", 0600); /* might name any layer */
	gc_try(&s);
	assert_false(there("store/tmp/work.dead"));
	assert_true(there("store/layers/sha256/" HEX64));
	expect_names("x:latest", NULL); /* the damaged one is not in the way */
	assert_int_equal(image_remove(at("store"), HEX64_B, NULL, NULL, &err), 0);
	assert_true(there("store/layers/sha256/" HEX64_B) && !there("store/layers/sha256/" HEX64));
	assert_int_equal(image_remove(at("store"), "x", NULL, NULL, &err), 0);
	assert_false(there("store/layers/sha256/" HEX64_B));
}

/* ---- with the real helper ---- */

static void put_blob(const void *data, size_t size, struct digest *ret)
{
	char name[160];
	assert_int_equal(hasher_digest("sha256", data, size, ret), 0);
	(void)snprintf(name, sizeof(name), "layout/blobs/sha256/%s", ret->hex);
	assert_int_equal(file_replace(AT_FDCWD, at(name), 0644, data, size), 0);
}

static void make_layout(size_t files)
{
	struct buf b = BUF_INIT, json = BUF_INIT;
	struct digest layer, config, manifest;
	char zero[1024] = { 0 };

	assert_int_equal(file_mkdirs(AT_FDCWD, at("layout/blobs/sha256"), 0755), 0);
	for (size_t i = 0; i < files; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "d%zu/f%zu", i % 10, i);
		tar_add(&b, '0', name, "", zero, sizeof(zero));
	}
	buf_add(&b, zero, sizeof(zero));
	put_blob(b.data, b.len, &layer);
	buf_printf(&json, "{\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"sha256:%s\"]}}",
		   layer.hex);
	put_blob(json.data, json.len, &config);
	size_t config_size = json.len;
	buf_reset(&json);
	buf_printf(&json,
		   "{\"config\":{\"mediaType\":\"application/"
		   "vnd.oci.image.config.v1+json\",\"digest\":"
		   "\"sha256:%s\",\"size\":%zu},\"layers\":[{\"mediaType\":\"application/"
		   "vnd.oci.image."
		   "layer.v1.tar\",\"digest\":\"sha256:%s\",\"size\":%zu}]}",
		   config.hex, config_size, layer.hex, b.len);
	put_blob(json.data, json.len, &manifest);
	size_t manifest_size = json.len;
	buf_reset(&json);
	buf_printf(&json,
		   "{\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		   "\"digest\":\"sha256:%s\",\"size\":%zu}]}",
		   manifest.hex, manifest_size);
	put("layout/index.json", buf_str(&json), 0644);
	buf_done(&b);
	buf_done(&json);
}

/* Four at a time import, and remove what they imported; then all is as it was. */
static void test_real_helper_in_parallel(void **state UNUSED)
{
	const char *helper = getenv("CONTEXE_UNPACK");
	char dir[PATH_MAX];
	struct error err;
	if (!helper)
		skip();
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(helper, '/') - helper), helper);
	setenv("CONTEXE_LIBEXECDIR", dir, 1);
	make_layout(500);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			char name[16], *id = NULL;
			struct image img;
			int r = 0;
			(void)snprintf(name, sizeof(name), "x%d", i);
			for (int k = 0; k < 5 && r == 0; k++) {
				r = image_import(at("store"), at("layout"), name, NULL, NULL, &id,
						 &err);
				free(r == 0 ? id : NULL);
				if (r == 0)
					r = image_find(at("store"), name, &img, &err);
				if (r == 0 && (img.size != 500 * 1024 || img.layers.n != 1))
					r = -EIO;
				if (r == 0)
					image_done(&img);
				if (r == 0)
					r = image_remove(at("store"), name, NULL, NULL, &err);
			}
			_exit(r < 0 ? -r : 0);
		}
	}
	for (int i = 0, status; i < 4; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	expect_names(NULL, NULL);
	assert_int_equal(rmdir(at("store/layers/sha256")), 0); /* empty */
	assert_int_equal(rmdir(at("store/tmp")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_import_and_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helpers_that_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real_helper_in_parallel, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
