/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c - writes an image with known content to stdout, for a reader that is not ours; measures; judges.
 *   prog-image write                what test_image_format.py expects
 *   prog-image verify < FILE        opens and verifies; the reason on stderr
 *   prog-image speed MIB KIB > FILE writes MIB of pages, KIB a call; tells GB/s on stderr
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "checkpoint/image/image.h"

struct inner {
	int32_t number;
	char *name;
};

struct sample {
	bool yes;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	uint64_t nothing;
	char *text;
	char *raw;
	struct bytes bytes;
	struct u64s numbers;
	struct inner one;
	struct list several;
};

static const struct field inner_fields[] = {
	FIELD(struct inner, number, I32),
	FIELD(struct inner, name, TEXT, .optional = true),
	FIELDS_END,
};

static const struct field sample_fields[] = {
	FIELD(struct sample, yes, BOOL),
	FIELD(struct sample, i32, I32),
	FIELD(struct sample, u32, U32),
	FIELD(struct sample, i64, I64),
	FIELD(struct sample, u64, U64),
	FIELD(struct sample, nothing, U64, .optional = true),
	FIELD(struct sample, text, TEXT),
	FIELD(struct sample, raw, TEXT),
	FIELD(struct sample, bytes, BYTES),
	FIELD(struct sample, numbers, U64S),
	FIELD(struct sample, one, MAP, .fields = inner_fields),
	FIELD(struct sample, several, LIST, .fields = inner_fields, .size = sizeof(struct inner)),
	FIELDS_END,
};

struct run {
	uint64_t first, second; /* where two pieces of pages lie */
	uint64_t number;
};

static const struct field run_fields[] = {
	FIELD(struct run, first, U64),
	FIELD(struct run, second, U64),
	FIELD(struct run, number, U64),
	FIELDS_END,
};

static void check(int r, const struct error *err)
{
	char line[1200];
	if (r == 0)
		return;
	(void)fprintf(stderr, "%s\n", error_line(err, line, sizeof(line)));
	exit(1);
}

static void put_sample(struct image_writer *w, struct error *err)
{
	static uint64_t numbers[] = { 0, 1, UINT64_MAX };
	static struct inner several[] = { { -1, "a" }, { 65536, NULL } };
	struct sample s = {
		.yes = true,
		.i32 = INT32_MIN,
		.u32 = UINT32_MAX,
		.i64 = INT64_MIN,
		.u64 = UINT64_MAX,
		.text = "gr\xc3\xbc\xc3\x9f dich",
		.raw = "\xff\xfe",
		.bytes = { "\0\1\2", 3 },
		.numbers = { numbers, ARRAY_SIZE(numbers) },
		.one = { 24, "here" },
		.several = { several, ARRAY_SIZE(several) },
	};
	check(image_put(w, "sample", UINT64_MAX, sample_fields, &s, err), err);
}

static void write_known(struct error *err)
{
	static char pages[3 * IMAGE_PAGE];
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	struct run run = { 0 };
	check(image_writer_new(1, &w, err), err);
	put_sample(w, err);
	check(image_pages_begin(w, err), err);
	memset(pages, 'a', sizeof(pages));
	check(image_pages_write(w, pages, 3, &run.first, err), err);
	memset(pages, 'b', sizeof(pages));
	check(image_pages_write(w, pages, 2, &run.second, err), err);
	check(image_pages_end(w, err), err);
	for (; run.number < 30000; run.number++) /* more than one part of records */
		check(image_put(w, "run", run.number, run_fields, &run, err), err);
	check(image_blob(w, "input", 0, err), err);
	check(image_finish(w, NULL, err), err);
}

static void verify(struct error *err)
{
	CLEANUP_IMAGE struct image *img = NULL;
	check(image_open(0, &img, err), err);
	check(image_verify(img, NULL, NULL, err), err);
}

static double now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(size_t mib, size_t kib, struct error *err)
{
	size_t chunk = kib << 10, total = mib << 20;
	char *buf = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	if (buf == MAP_FAILED || chunk == 0)
		exit(2);
	memset(buf, 0x5a, chunk);
	double start = now();
	check(image_writer_new(1, &w, err), err);
	check(image_pages_begin(w, err), err);
	for (size_t done = 0; done < total; done += chunk)
		check(image_pages_write(w, buf, chunk / IMAGE_PAGE, NULL, err), err);
	check(image_pages_end(w, err), err);
	check(image_finish(w, NULL, err), err);
	double written = now();
	(void)fprintf(stderr, "write: %.2f GB/s\n", (double)total / (written - start) / 1e9);
	CLEANUP_IMAGE struct image *img = NULL;
	if (image_open(1, &img, NULL) < 0)
		return; /* a pipe, or not to be read */
	double opened = now();
	check(image_verify(img, NULL, NULL, err), err);
	(void)fprintf(stderr, "open: %.3f ms, verify: %.2f GB/s\n", (opened - written) * 1e3,
		      (double)total / (now() - opened) / 1e9);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "write") == 0)
		write_known(&err);
	else if (strcmp(what, "verify") == 0)
		verify(&err);
	else if (strcmp(what, "speed") == 0 && argc == 4)
		measure(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), &err);
	else
		return 2;
	return 0;
}
