/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_image_manifest.c - what contexe-unpack and the store parse themselves. The first byte says what the
 * rest is: one of the documents of an image, or a whole archive (its index, then its plan).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/name.h"
#include "image/record.h"
#include "image/unpack/plan.h"
#include "image/unpack/source.h"
#include "image/unpack/tree.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void check(int r, const struct error *err)
{
	if (r < 0 && (err->err != -r || !err->why[0]))
		abort(); /* a failure that tells nothing */
}

static void try_manifest(const char *text, size_t size)
{
	CLEANUP_PLAN struct plan p = { 0 };
	struct error err = ERROR_INIT;
	struct digest config;
	check(oci_manifest_parse(text, size, &p, &config, &err), &err);
}

static void try_docker(const char *text, size_t size)
{
	CLEANUP_PLAN struct plan p = { 0 };
	struct error err = ERROR_INIT;
	char *config;
	check(docker_manifest_parse(text, size, "redis:7", &p, &config, &err), &err);
}

static void try_config(const char *text, size_t size)
{
	CLEANUP_PLAN struct plan p = { 0 };
	struct error err = ERROR_INIT;
	*arena_push(&p.image.arena, p.layers, p.n_layers) = (struct plan_layer){ 0 };
	check(config_parse(text, size, HEX64, &p, &err), &err);
}

/* What was read is printed and read again. */
static void try_record(const char *text, size_t size)
{
	CLEANUP_IMAGE struct image img = { 0 }, again = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	int r = record_parse(text, size, &img, &err);
	check(r, &err);
	if (r < 0)
		return;
	record_print(&img, &out);
	if (record_parse(buf_str(&out), out.len, &again, &err) < 0 ||
	    strcmp(img.id, again.id) != 0 || img.layers.n != again.layers.n)
		abort();
}

static void try_archive(const char *data, size_t size)
{
	CLEANUP_SOURCE struct source s = SOURCE_NONE;
	CLEANUP_PLAN struct plan p = { 0 };
	struct error err = ERROR_INIT;
	s.fd = memfd_create("archive", MFD_CLOEXEC);
	if (s.fd < 0 || fd_write_all(s.fd, data, size) < 0)
		return;
	int r = tarindex_read(s.fd, size, &s.index, &err);
	check(r, &err);
	if (r == 0)
		check(plan_read(&s, NULL, &p, &err), &err);
	for (size_t i = 0; i < s.index.n; i++) {
		const struct tarindex_member *m = &s.index.v[i];
		if (m->offset > size || (!m->link && m->size > size - m->offset))
			abort();
		(void)tarindex_find(&s.index, m->name);
	}
}

static void try_name(const char *data, size_t size)
{
	char *text = strndup(data, size), normal[IMAGE_NAME_SIZE], again[IMAGE_NAME_SIZE];
	char file[IMAGE_FILE_SIZE], clean[PATH_MAX];
	struct error err = ERROR_INIT;
	if (image_name_normalise(text, normal, &err) == 0) {
		image_name_to_file(normal, file);
		if (strchr(file, '/') || image_name_from_file(file, again) < 0 ||
		    strcmp(normal, again) != 0)
			abort();
	}
	image_name_from_path(text, text, normal);
	if (image_name_normalise(normal, again, &err) < 0 || strcmp(normal, again) != 0)
		abort();
	if (tree_clean_path(text, clean, &err) == 0 &&
	    (clean[0] == '/' || strcmp(clean, "..") == 0 || strstr(clean, "//")))
		abort();
	free(text);
}

static void (*const tries[])(const char *data, size_t size) = {
	try_manifest, try_docker, try_config, try_record, try_archive, try_name,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		tries[data[0] % ARRAY_SIZE(tries)]((const char *)data + 1, size - 1);
	return 0;
}
