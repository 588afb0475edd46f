/* SPDX-License-Identifier: Apache-2.0 */
/* test_image_file.c - images written, read, and damaged in every way: src/checkpoint/image/ */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "checkpoint/image/checksum.h"
#include "checkpoint/image/format.h"
#include "checkpoint/image/image.h"

struct item {
	uint64_t number;
	char *name;
};
static const struct field item_fields[] = {
	FIELD(struct item, number, U64),
	FIELD(struct item, name, TEXT, .optional = true, .max = 100),
	FIELDS_END,
};

/* ---- a written image ---- */

static int file_new(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void fill(char *page, size_t n, char c)
{
	for (size_t i = 0; i < n; i++)
		memset(page + i * IMAGE_PAGE, c + (char)i, IMAGE_PAGE);
}

static void put(struct image_writer *w, const char *type, uint64_t id, uint64_t number)
{
	struct item item = { number, "thing" };
	assert_int_equal(image_put(w, type, id, item_fields, &item, NULL), 0);
}

static int text_fd(const char *text, size_t size)
{
	int fd = file_new();
	assert_int_equal(fd_write_all(fd, text, size), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

struct written {
	uint64_t offset[3]; /* of 2, 1 and 2 pages */
	uint64_t size;
};

/* Records before, among and after two parts of pages, and two blobs. */
static void write_sample(int fd, struct written *ret)
{
	static char pages[2 * IMAGE_PAGE];
	struct image_writer *w;
	assert_int_equal(image_writer_new(fd, &w, NULL), 0);
	put(w, "task", 1, 100);
	assert_int_equal(image_pages_begin(w, NULL), 0);
	fill(pages, 2, 'a');
	assert_int_equal(image_pages_write(w, pages, 2, &ret->offset[0], NULL), 0);
	put(w, "task", 2, 200);
	fill(pages, 1, 'x');
	assert_int_equal(image_pages_write(w, pages, 1, &ret->offset[1], NULL), 0);
	assert_int_equal(image_pages_end(w, NULL), 0);
	CLEANUP_FD int blob = text_fd("content", 7);
	assert_int_equal(image_blob(w, "rootfs.tar", blob, NULL), 0);
	CLEANUP_FD int empty = text_fd("", 0);
	assert_int_equal(image_blob(w, "empty", empty, NULL), 0);
	put(w, "file.pipe", 1, 300);
	assert_int_equal(image_pages_begin(w, NULL), 0);
	fill(pages, 2, 'p');
	assert_int_equal(image_pages_write(w, pages, 2, &ret->offset[2], NULL), 0);
	assert_int_equal(image_pages_end(w, NULL), 0);
	assert_int_equal(image_pages_begin(w, NULL), 0); /* without any */
	assert_int_equal(image_pages_end(w, NULL), 0);
	assert_int_equal(image_finish(w, &ret->size, NULL), 0);
	image_writer_free(w);
}

static struct image *opened(int fd)
{
	struct image *img;
	struct error err = ERROR_INIT;
	if (image_open(fd, &img, &err) < 0)
		fail_msg("%s", err.why);
	if (image_verify(img, NULL, NULL, &err) < 0)
		fail_msg("%s", err.why);
	return img;
}

static uint64_t get(struct image *img, const char *type, uint64_t id)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct item item;
	assert_int_equal(image_get(img, type, id, item_fields, &arena, &item, NULL), 0);
	assert_string_equal(item.name, "thing");
	return item.number;
}

static void assert_page(int fd, uint64_t offset, char c)
{
	char page[IMAGE_PAGE], expected[IMAGE_PAGE];
	memset(expected, c, sizeof(expected));
	assert_int_equal(offset % IMAGE_PAGE, 0);
	assert_int_equal(pread(fd, page, sizeof(page), (off_t)offset), IMAGE_PAGE);
	assert_memory_equal(page, expected, sizeof(page));
}

static void assert_blob(struct image *img, const char *name, const char *text)
{
	CLEANUP_FD int out = file_new();
	char back[64] = "";
	assert_int_equal(image_blob_read(img, name, out, NULL), 0);
	assert_int_equal(pread(out, back, sizeof(back), 0), strlen(text));
	assert_memory_equal(back, text, strlen(text));
}

static void assert_sample(int fd, const struct written *wr)
{
	CLEANUP_IMAGE struct image *img = opened(fd);
	CLEANUP_ARENA struct arena arena = { 0 };
	struct item item;
	assert_int_equal(lseek(fd, 0, SEEK_END), wr->size);
	assert_int_equal(get(img, "task", 1), 100);
	assert_int_equal(get(img, "task", 2), 200);
	assert_int_equal(get(img, "file.pipe", 1), 300);
	assert_true(image_has(img, "task", 2));
	assert_false(image_has(img, "task", 3));
	assert_int_equal(image_get(img, "tas", 1, item_fields, &arena, &item, NULL), -ENOENT);
	assert_page(fd, wr->offset[0], 'a');
	assert_page(fd, wr->offset[0] + IMAGE_PAGE, 'b');
	assert_page(fd, wr->offset[1], 'x');
	assert_page(fd, wr->offset[2] + IMAGE_PAGE, 'q');
	assert_blob(img, "rootfs.tar", "content");
	assert_blob(img, "empty", "");
	assert_int_equal(image_blob_read(img, "none", -1, NULL), -ENOENT);
	static const char *const types[] = { "task", "task", "file.pipe" };
	struct image_record rec;
	size_t at = 0, n = 0;
	for (; image_each(img, &at, &rec); n++)
		assert_string_equal(rec.type, types[n]);
	assert_int_equal(n, 3);
}

static void test_file(void **state UNUSED)
{
	CLEANUP_FD int fd = file_new();
	struct written wr;
	write_sample(fd, &wr);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), wr.size);
	assert_sample(fd, &wr);
	assert_int_equal(wr.offset[1], wr.offset[0] + 2 * IMAGE_PAGE);
	CLEANUP_IMAGE struct image *img = opened(fd);
	const struct image_part *parts;
	assert_int_equal(image_parts(img, &parts),
			 5); /* one of records: they waited for the pages' end */
	assert_string_equal(parts[0].kind, "pages");
	assert_int_equal(parts[0].size, 3 * IMAGE_PAGE);
	assert_string_equal(parts[1].name, "rootfs.tar");
	uint64_t a = wr.offset[0], c = wr.offset[2];
	assert_true(image_has_pages(img, a, 3) && image_has_pages(img, a + IMAGE_PAGE, 2) &&
		    image_has_pages(img, c, 2));
	assert_false(image_has_pages(img, a, 4) || image_has_pages(img, a, 0) ||
		     image_has_pages(img, a + 1, 1));
	assert_false(image_has_pages(img, a + 3 * IMAGE_PAGE, 1) || image_has_pages(img, 0, 1));
	assert_false(image_has_pages(img, a, UINT64_MAX) ||
		     image_has_pages(img, a, UINT64_MAX / IMAGE_PAGE + 2));
	assert_false(image_has_pages(img, parts[1].offset / IMAGE_PAGE * IMAGE_PAGE, 1));
	assert_false(image_has_pages(img, UINT64_MAX / IMAGE_PAGE * IMAGE_PAGE, 1));
}

/* ---- forward only ---- */

struct relay {
	int from, to;
};

static void *relay_run(void *arg)
{
	const struct relay *rl = arg;
	char piece[5000];
	ssize_t n;
	while ((n = read(rl->from, piece, sizeof(piece))) > 0)
		if (fd_write_all(rl->to, piece, (size_t)n) < 0)
			return arg;
	return NULL;
}

static void test_pipe(void **state UNUSED)
{
	CLEANUP_FD int fd = file_new();
	int ends[2];
	struct written wr;
	pthread_t thread;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0); /* our end must wait by itself */
	assert_int_equal(fd_set_nonblock(ends[0], 0), 0);
	struct relay rl = { ends[0], fd };
	assert_int_equal(pthread_create(&thread, NULL, relay_run, &rl), 0);
	write_sample(ends[1], &wr);
	close(ends[1]);
	void *failed;
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	close(ends[0]);
	assert_sample(fd, &wr);
	CLEANUP_IMAGE struct image *img = opened(fd);
	assert_true(image_has_pages(img, wr.offset[0], 2) && image_has_pages(img, wr.offset[1], 1));
	assert_false(image_has_pages(img, wr.offset[0], 3)); /* pieces */
}

/* A blob of several pieces, the last of them full. */
static void test_pipe_blob(void **state UNUSED)
{
	size_t size = 512 << 10;
	CLEANUP_STR char *text = xmalloc(size), *back = xmalloc(size);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i * 7919 >> 8);
	char path[] = "/tmp/test_image_file.XXXXXX";
	CLEANUP_FD int out = mkostemp(path, O_APPEND | O_CLOEXEC);
	assert_true(out >= 0);
	unlink(path);
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	assert_int_equal(image_writer_new(out, &w, NULL), 0);
	CLEANUP_FD int blob = text_fd(text, size);
	assert_int_equal(image_blob(w, "big", blob, NULL), 0);
	assert_int_equal(image_finish(w, NULL, NULL), 0);
	CLEANUP_IMAGE struct image *img = opened(out);
	const struct image_part *parts;
	assert_int_equal(image_parts(img, &parts), 3);
	CLEANUP_FD int copy = file_new();
	assert_int_equal(image_blob_read(img, "big", copy, NULL), 0);
	assert_int_equal(pread(copy, back, size, 0), size);
	assert_memory_equal(text, back, size);
}

static void test_many(void **state UNUSED)
{
	CLEANUP_FD int fd = file_new();
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	assert_int_equal(image_writer_new(fd, &w, NULL), 0);
	for (uint64_t i = 0; i < 100000; i++)
		put(w, i % 2 ? "odd" : "even", (i * 7919) % 100000, i);
	put(w, "even", 2 + (1ull << 32), 7); /* ids have 64 bits */
	put(w, "even", 2 + (1ull << 63), 8);
	assert_int_equal(image_finish(w, NULL, NULL), 0);
	CLEANUP_IMAGE struct image *img = opened(fd);
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(get(img, i % 2 ? "odd" : "even", (i * 7919) % 100000), i);
	assert_int_equal(get(img, "even", 2 + (1ull << 32)), 7);
	assert_int_equal(get(img, "even", 2 + (1ull << 63)), 8);
}

/* ---- wrong use ---- */

static void test_misuse(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	struct item item = { 1, NULL };
	static char page[IMAGE_PAGE];
	for (int i = 0; i < 6; i++) {
		CLEANUP_FD int fd = file_new();
		CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
		assert_int_equal(image_writer_new(fd, &w, &err), 0);
		put(w, "task", 1, 1);
		static const int expected[] = {
			-EINVAL, -EINVAL, -EINVAL, -E2BIG, -EEXIST, -EINVAL
		};
		char name[102];
		memset(name, 'n', sizeof(name));
		name[101] = '\0';
		struct item too_long = { 1, name };
		int r = 0;
		if (i == 0)
			r = image_pages_write(w, page, 1, NULL, &err);
		if (i == 1)
			r = image_pages_end(w, &err);
		if (i == 2)
			r = image_put(w, "Task", 1, item_fields, &item, &err);
		if (i == 3)
			r = image_put(w, "task", 2, item_fields, &too_long, &err);
		if (i == 4) {
			put(w, "task", 1, 2);
			r = image_finish(w, NULL, &err);
		}
		if (i == 5)
			r = image_blob(w, "../x", 0, &err);
		assert_int_equal(r, expected[i]);
		assert_int_equal(image_finish(w, NULL, &err), expected[i]); /* it stays failed */
		struct image *img;
		assert_int_equal(image_open(fd, &img, &err), -EBADMSG);
	}
	CLEANUP_FD int full = text_fd("x", 1);
	struct image_writer *w;
	assert_int_equal(image_writer_new(full, &w, &err), -EEXIST);
}

static void test_no_space(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	struct image_writer *w = NULL;
	CLEANUP_FD int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	assert_int_equal(image_writer_new(full, &w, &err), -ENOSPC);
	assert_true(err.hint[0]);
	static char pages[16 * IMAGE_PAGE];
	struct rlimit old, small = { 100000, RLIM_INFINITY };
	char path[] = "/tmp/test_image_file.XXXXXX";
	CLEANUP_FD int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(path);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(image_writer_new(fd, &w, &err), 0);
	assert_int_equal(image_pages_begin(w, &err), 0);
	assert_int_equal(image_pages_write(w, pages, 16, NULL, &err), 0);
	assert_int_equal(image_pages_write(w, pages, 16, NULL, &err), -EFBIG);
	assert_int_equal(image_pages_end(w, &err), -EFBIG);
	assert_int_equal(image_finish(w, NULL, &err), -EFBIG);
	image_writer_free(w);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

/* ---- damage ---- */

struct bytes_of {
	char *data;
	size_t size;
};

/* A small one: a record, a page, a blob. */
static struct bytes_of small_image(void)
{
	static char page[IMAGE_PAGE];
	CLEANUP_FD int fd = file_new();
	CLEANUP_FD int blob = text_fd("blob", 4);
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	uint64_t size;
	assert_int_equal(image_writer_new(fd, &w, NULL), 0);
	put(w, "task", 1, 1);
	assert_int_equal(image_blob(w, "b", blob, NULL), 0);
	assert_int_equal(image_pages_begin(w, NULL), 0);
	fill(page, 1, 'a');
	assert_int_equal(image_pages_write(w, page, 1, NULL, NULL), 0);
	assert_int_equal(image_pages_end(w, NULL), 0);
	assert_int_equal(image_finish(w, &size, NULL), 0);
	struct bytes_of b = { xmalloc(size), size };
	assert_int_equal(pread(fd, b.data, size, 0), size);
	return b;
}

/* 0 when the image is accepted by opening and verifying it. */
static int judge(int fd, struct error *err)
{
	CLEANUP_IMAGE struct image *img = NULL;
	int r = image_open(fd, &img, err);
	return r < 0 ? r : image_verify(img, NULL, NULL, err);
}

static void test_truncated(void **state UNUSED)
{
	struct bytes_of b = small_image();
	CLEANUP_FD int fd = text_fd(b.data, b.size);
	struct error err = ERROR_INIT;
	assert_int_equal(judge(fd, &err), 0);
	for (size_t n = b.size; n-- > 0;) {
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		assert_int_equal(judge(fd, &err), -EBADMSG);
		assert_true(err.why[0]);
	}
	CLEANUP_FD int longer = text_fd(b.data, b.size);
	assert_int_equal(ftruncate(longer, (off_t)b.size + 64), 0);
	assert_int_equal(judge(longer, &err), -EBADMSG);
	free(b.data);
}

static void test_flipped(void **state UNUSED)
{
	struct bytes_of b = small_image();
	CLEANUP_FD int fd = text_fd(b.data, b.size);
	char *map = mmap(NULL, b.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	for (size_t bit = 0; bit < b.size * 8; bit++) {
		map[bit / 8] ^= (char)(1 << bit % 8);
		if (judge(fd, NULL) != -EBADMSG)
			fail_msg("bit %zu of byte %zu is not missed", bit % 8, bit / 8);
		map[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(judge(fd, NULL), 0);
	munmap(map, b.size);
	free(b.data);
}

/* ---- forged, with right checksums ---- */

enum { BLOB, PAGES, RECORDS }; /* the parts of small_image() */

struct forge {
	struct bytes_of b;
	struct format_header *header;
	struct format_trailer *trailer;
	struct format_part *index, *parts; /* the index part's header and payload */
	size_t n;
};

static struct forge forge_new(void)
{
	struct forge f = { .b = small_image() };
	f.header = (void *)f.b.data;
	f.trailer = (void *)(f.b.data + f.b.size - sizeof(*f.trailer));
	f.index = (void *)(f.b.data + f.trailer->index_offset);
	f.parts = f.index + 1;
	f.n = f.index->size / sizeof(*f.parts);
	assert_int_equal(f.n, 3);
	return f;
}

/* Seals everything; headers in the file are made like those in the index where they are within the file. */
static void assert_forged(struct forge *f, const char *word)
{
	struct error err = ERROR_INIT;
	static const size_t header_size = sizeof(struct format_part);
	uint64_t at[3] = { 64 };
	for (size_t i = 0; i < f->n; i++) {
		if (f->parts[i].offset < f->b.size &&
		    f->parts[i].size <= f->b.size - f->parts[i].offset)
			f->parts[i].payload_checksum =
				checksum_of(f->b.data + f->parts[i].offset, f->parts[i].size);
		format_part_seal(&f->parts[i]);
		if (i && i < 3)
			at[i] = format_align(f->parts[i - 1].offset + f->parts[i - 1].size);
		if (at[i] >= 64 && at[i] + header_size <= f->trailer->index_offset)
			memcpy(f->b.data + at[i], &f->parts[i], header_size);
	}
	f->index->payload_checksum = f->trailer->index_checksum =
		checksum_of(f->parts, f->index->size <= 3 * header_size ? f->index->size : 0);
	format_part_seal(f->index);
	format_header_seal(f->header);
	format_trailer_seal(f->trailer);
	CLEANUP_FD int fd = text_fd(f->b.data, f->b.size);
	int r = judge(fd, &err);
	free(f->b.data);
	if (!word) {
		assert_int_equal(r, 0);
		return;
	}
	assert_int_equal(r, -EBADMSG);
	if (!strstr(err.why, word))
		fail_msg("\"%s\" does not tell \"%s\"", err.why, word);
}

#define FORGED(change, word)                                                                       \
	do {                                                                                       \
		struct forge f = forge_new();                                                      \
		change;                                                                            \
		assert_forged(&f, word);                                                           \
	} while (0)

static void test_forged(void **state UNUSED)
{
	FORGED((void)f, NULL);
	FORGED(f.header->version = 2, "version 2");
	FORGED(f.header->features = 1, "features");
	FORGED(f.header->page_size = 16384, "pages of 16384");
	FORGED(f.header->zero[3] = 1, "zero");
	FORGED(f.header->id[0]++, "different images");
	FORGED(f.trailer->size++, "was written with");
	FORGED(f.trailer->zero++, "zero");
	FORGED(f.trailer->index_offset = UINT64_MAX, "index that cannot be");
	FORGED(f.trailer->index_offset = UINT64_MAX & ~63ull, "index that cannot be");
	FORGED(f.trailer->index_offset = 64, "here should be the index");
	FORGED(f.index->size = UINT64_MAX / 128 * 128, "index does not end");
	FORGED(f.index->size -= 128, "index does not");
	FORGED(f.index->flags = 1, "flags");
	FORGED(f.parts[RECORDS].kind = 9, "kind 9");
	FORGED(f.parts[RECORDS].kind = PART_INDEX, "second index");
	FORGED(f.parts[PAGES].size -= 1, "half a page");
	FORGED(f.parts[RECORDS].name[0] = 'x', "name");
	FORGED(f.parts[RECORDS].flags = PART_MORE, "flags");
	FORGED(f.parts[RECORDS].zero = 1, "flags");
	FORGED(f.parts[RECORDS].size = 0, "empty");
	FORGED(f.parts[RECORDS].size = UINT64_MAX, "larger than the image");
	FORGED(f.parts[RECORDS].size -= 1, "longer than what is there");
	FORGED(f.parts[BLOB].flags = PART_MORE, "more of the blob");
	FORGED(f.parts[BLOB].name[0] = '/', "name");
	FORGED(f.parts[BLOB].name[0] = '\0', "name");
	FORGED(f.parts[BLOB].name[40] = 'x', "name");
	FORGED(f.parts[PAGES].offset = f.parts[BLOB].offset, "not where the one before it ends");
	FORGED(f.parts[PAGES].size = 0, "empty");
	FORGED(f.parts[PAGES].size = UINT64_MAX & ~4095ull, "larger than the image");
	FORGED(f.parts[PAGES].size += IMAGE_PAGE, "larger than the image");
	FORGED(f.parts[PAGES].kind = PART_BLOB; f.parts[PAGES].name[0] = 'b', "not where");
	FORGED(f.parts[PAGES].offset += IMAGE_PAGE, "not where");
	FORGED(f.b.data[f.parts[RECORDS].offset] = '\x82', "[type, id, map]");
	FORGED(f.b.data[f.parts[RECORDS].offset + 2] = 'T', "without a type");
	FORGED(f.b.data[f.parts[RECORDS].offset + 6] = '\x20', "without an id");
	FORGED(f.b.data[f.parts[RECORDS].offset + 7] = '\x01', "without its map");
	FORGED(f.b.data[f.parts[RECORDS].offset + 7] = '\xbf', "indefinite");
}

/* An index that keeps silent about the last part. */
static void test_hidden(void **state UNUSED)
{
	struct forge f = forge_new();
	struct format_trailer t = *f.trailer;
	f.n--;
	f.index->size -= sizeof(*f.index);
	f.b.size -= sizeof(*f.index);
	t.size = f.b.size;
	f.trailer = (void *)(f.b.data + f.b.size - sizeof(t));
	*f.trailer = t;
	assert_forged(&f, "does not name all");
}

/* Two records with one name, which our writer does not write. */
static void test_twins(void **state UNUSED)
{
	struct forge f = forge_new();
	CLEANUP_FD int fd = file_new();
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	free(f.b.data);
	assert_int_equal(image_writer_new(fd, &w, NULL), 0);
	put(w, "task", 1, 1);
	put(w, "task", 2, 1);
	uint64_t size;
	assert_int_equal(image_finish(w, &size, NULL), 0);
	f.b = (struct bytes_of){ xmalloc(size), size };
	assert_int_equal(pread(fd, f.b.data, size, 0), size);
	f.header = (void *)f.b.data;
	f.trailer = (void *)(f.b.data + size - sizeof(*f.trailer));
	f.index = (void *)(f.b.data + f.trailer->index_offset);
	f.parts = f.index + 1;
	f.n = 1;
	char *second = f.b.data + f.parts[0].offset + f.parts[0].size / 2;
	assert_int_equal(second[6], 2);
	second[6] = 1;
	assert_forged(&f, "record task 1 is there twice");
}

/* XXH3 with 64 bits, as others compute it. */
static void test_checksum(void **state UNUSED)
{
	char text[1000];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	assert_true(checksum_of("", 0) == 0x2d06800538d394c2);
	CLEANUP_CHECKSUM struct checksum *sum = checksum_new();
	checksum_add(sum, text, 1);
	checksum_add(sum, text + 1, 998);
	checksum_add(sum, text + 999, 1);
	assert_true(checksum_end(sum) == checksum_of(text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),	  cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_pipe_blob), cmocka_unit_test(test_many),
		cmocka_unit_test(test_misuse),	  cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_forged),	  cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_twins),	  cmocka_unit_test(test_checksum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
