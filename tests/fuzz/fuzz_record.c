/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_record.c - the decoder of records, with a table that has a field of every type. What it accepts must be written as
 * it was read but for the order of keys and zeros of optional fields, hence the same from the second time on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/image/cbor.h"
#include "checkpoint/image/image.h"

#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

struct inner {
	int32_t number;
	char *name;
};

struct sample {
	bool flag;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	char *text;
	struct bytes bytes;
	struct u64s numbers;
	struct inner one;
	struct list several;
};

static const struct field inner_fields[] = {
	FIELD(struct inner, number, I32),
	FIELD(struct inner, name, TEXT, .optional = true, .max = 20),
	FIELDS_END,
};

static const struct field sample_fields[] = {
	FIELD(struct sample, flag, BOOL),
	FIELD(struct sample, i32, I32, .optional = true),
	FIELD(struct sample, u32, U32, .optional = true),
	FIELD(struct sample, i64, I64, .optional = true),
	FIELD(struct sample, u64, U64, .optional = true),
	FIELD(struct sample, text, TEXT, .optional = true, .max = 40),
	FIELD(struct sample, bytes, BYTES, .optional = true, .max = 40),
	FIELD(struct sample, numbers, U64S, .optional = true, .max = 8),
	FIELD(struct sample, one, MAP, .optional = true, .fields = inner_fields),
	FIELD(struct sample, several, LIST, .optional = true, .max = 8, .fields = inner_fields,
	      .size = sizeof(struct inner)),
	FIELDS_END,
};

static void check_record(const void *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	CLEANUP_BUF struct buf first = BUF_INIT, second = BUF_INIT;
	struct sample s;
	struct error err = ERROR_INIT;
	if (record_decode(sample_fields, data, size, &arena, &s, &err) < 0) {
		REQUIRE(err.err == EBADMSG && err.why[0]);
		return;
	}
	REQUIRE(record_check(sample_fields, &s, NULL) == 0);
	record_encode(sample_fields, &s, &first);
	REQUIRE(first.len <= size);
	REQUIRE(record_decode(sample_fields, first.data, first.len, &arena, &s, NULL) == 0);
	record_encode(sample_fields, &s, &second);
	REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	struct cbor c = cbor_over(data, size);
	REQUIRE(cbor_skip(&c, 0) && cbor_left(&c) == 0);
}

static void check_json(const void *data, size_t size)
{
	CLEANUP_BUF struct buf json = BUF_INIT;
	struct image_record rec = { .type = "x", .data = data, .size = size };
	image_record_json(&rec, &json);
	for (size_t i = 0; i < json.len; i++)
		REQUIRE((uint8_t)json.data[i] >= ' ' && json.data[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1); /* with nothing behind it */
	REQUIRE(text);
	memcpy(text, data, size);
	check_record(text, size);
	check_json(text, size);
	free(text);
	return 0;
}
