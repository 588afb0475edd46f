/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_checkpoint_image.c - the reader of images. Checksums would stop a fuzzer at the door, so they are put right
 * where the input tells structures. What is opened must lie within the file, be found again, and verify or say why not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/image/checksum.h"
#include "checkpoint/image/format.h"
#include "checkpoint/image/image.h"

#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

static const struct field no_fields[] = { FIELDS_END };

static bool is_within(size_t size, uint64_t offset, uint64_t n)
{
	return offset <= size && n <= size - offset;
}

/* Seals the parts that an index names, there and before their payloads. */
static void seal_parts(char *data, size_t size, uint64_t index, uint64_t n)
{
	uint64_t at = sizeof(struct format_header);
	struct format_part p;
	for (uint64_t i = 0; i < n; i++) {
		memcpy(&p, data + index + i * sizeof(p), sizeof(p));
		if (is_within(size, p.offset, p.size))
			p.payload_checksum = checksum_of(data + p.offset, p.size);
		format_part_seal(&p);
		memcpy(data + index + i * sizeof(p), &p, sizeof(p));
		if (at >= sizeof(struct format_header) && at % FORMAT_ALIGN == 0 && at < index &&
		    is_within(size, at, sizeof(p)))
			memcpy(data + at, &p, sizeof(p));
		at = format_align(p.offset + p.size);
	}
}

static void seal(char *data, size_t size)
{
	struct format_header h;
	struct format_trailer t;
	struct format_part p;
	if (size < sizeof(h) + sizeof(t))
		return;
	memcpy(&h, data, sizeof(h));
	memcpy(&t, data + size - sizeof(t), sizeof(t));
	memcpy(t.id, h.id, sizeof(t.id));
	t.size = size;
	uint64_t at = t.index_offset;
	if (is_within(size - sizeof(t), at, sizeof(p))) {
		memcpy(&p, data + at, sizeof(p));
		if (is_within(size, at + sizeof(p), p.size)) {
			seal_parts(data, size, at + sizeof(p), p.size / sizeof(p));
			p.payload_checksum = t.index_checksum =
				checksum_of(data + at + sizeof(p), p.size);
		}
		format_part_seal(&p);
		memcpy(data + at, &p, sizeof(p));
	}
	format_header_seal(&h);
	memcpy(data, &h, sizeof(h));
	format_trailer_seal(&t);
	memcpy(data + size - sizeof(t), &t, sizeof(t));
}

static void check_records(struct image *img)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	CLEANUP_BUF struct buf json = BUF_INIT;
	struct image_record rec;
	char nothing;
	for (size_t at = 0; image_each(img, &at, &rec);) {
		REQUIRE(image_has(img, rec.type, rec.id) && rec.size > 0);
		int r = image_get(img, rec.type, rec.id, no_fields, &arena, &nothing, NULL);
		REQUIRE(r == -EBADMSG || (r == 0 && rec.size == 1));
		image_record_json(&rec, &json);
	}
}

static void check_parts(struct image *img, size_t size)
{
	const struct image_part *v;
	size_t n = image_parts(img, &v);
	for (size_t i = 0; i < n; i++) {
		REQUIRE(is_within(size, v[i].offset, v[i].size));
		REQUIRE(i == 0 || v[i - 1].offset + v[i - 1].size <= v[i].offset);
		if (strcmp(v[i].kind, "pages") == 0)
			REQUIRE(image_has_pages(img, v[i].offset, v[i].size / IMAGE_PAGE) &&
				!image_has_pages(img, v[i].offset, v[i].size / IMAGE_PAGE + 1));
	}
}

static void check_image(int fd, size_t size)
{
	CLEANUP_IMAGE struct image *img = NULL;
	struct error err = ERROR_INIT;
	int r = image_open(fd, &img, &err);
	REQUIRE(r == 0 || (r == -EBADMSG && err.why[0]));
	if (r < 0)
		return;
	check_records(img);
	check_parts(img, size);
	r = image_verify(img, NULL, NULL, &err);
	REQUIRE(r == 0 || (r == -EBADMSG && err.why[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	REQUIRE(text);
	memcpy(text, data, size);
	seal(text, size);
	CLEANUP_FD int fd = memfd_create("image", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && fd_write_all(fd, text, size) == 0);
	check_image(fd, size);
	free(text);
	return 0;
}
