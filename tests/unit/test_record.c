/* SPDX-License-Identifier: Apache-2.0 */
/* test_record.c - records to CBOR and back, and text that is none: src/checkpoint/image/record_*.c, cbor.c, json.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoint/image/cbor.h"
#include "checkpoint/image/image.h"

struct point {
	int32_t x;
	char *label;
};

struct everything {
	bool on;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	char *text;
	struct bytes bytes;
	struct u64s numbers;
	struct point at;
	struct list points;
};

static const struct field point_fields[] = {
	FIELD(struct point, x, I32),
	FIELD(struct point, label, TEXT, .optional = true, .max = 8),
	FIELDS_END,
};

#define EVERYTHING(opt)                                                                            \
	FIELD(struct everything, on, BOOL, .optional = opt),                                       \
		FIELD(struct everything, i32, I32, .optional = opt),                               \
		FIELD(struct everything, u32, U32, .optional = opt),                               \
		FIELD(struct everything, i64, I64, .optional = opt),                               \
		FIELD(struct everything, u64, U64, .optional = opt),                               \
		FIELD(struct everything, text, TEXT, .optional = opt, .max = 16),                  \
		FIELD(struct everything, bytes, BYTES, .optional = opt, .max = 16),                \
		FIELD(struct everything, numbers, U64S, .optional = opt, .max = 4),                \
		FIELD(struct everything, at, MAP, .optional = opt, .fields = point_fields),        \
		FIELD(struct everything, points, LIST, .optional = opt, .max = 4,                  \
		      .fields = point_fields, .size = sizeof(struct point)),                       \
		FIELDS_END

static const struct field required_fields[] = { EVERYTHING(false) };
static const struct field optional_fields[] = { EVERYTHING(true) };

static struct everything full(void)
{
	static struct point points[] = { { 1, "one" }, { -2, NULL } };
	static uint64_t numbers[] = { 0, UINT64_MAX, 7 };
	return (struct everything){
		.on = true,
		.i32 = INT32_MIN,
		.u32 = UINT32_MAX,
		.i64 = INT64_MIN,
		.u64 = UINT64_MAX,
		.text = "gr\xc3\xbc\xc3\x9f",
		.bytes = { "\0\1\2", 3 },
		.numbers = { numbers, 3 },
		.at = { 24, "here" },
		.points = { points, 2 },
	};
}

static void assert_point(const struct point *a, const struct point *b)
{
	assert_int_equal(a->x, b->x);
	if (!a->label || !b->label)
		assert_ptr_equal(a->label, b->label);
	else
		assert_string_equal(a->label, b->label);
}

static void assert_same(const struct everything *a, const struct everything *b)
{
	assert_int_equal(a->on, b->on);
	assert_int_equal(a->i32, b->i32);
	assert_int_equal(a->u32, b->u32);
	assert_true(a->i64 == b->i64 && a->u64 == b->u64);
	if (a->text || b->text)
		assert_string_equal(a->text, b->text);
	assert_int_equal(a->bytes.size, b->bytes.size);
	if (a->bytes.size)
		assert_memory_equal(a->bytes.data, b->bytes.data, a->bytes.size);
	assert_int_equal(a->numbers.n, b->numbers.n);
	if (a->numbers.n)
		assert_memory_equal(a->numbers.v, b->numbers.v, a->numbers.n * sizeof(uint64_t));
	assert_point(&a->at, &b->at);
	assert_int_equal(a->points.n, b->points.n);
	for (size_t i = 0; i < a->points.n; i++)
		assert_point((struct point *)a->points.v + i, (struct point *)b->points.v + i);
}

static void assert_round(const struct field *fields, const struct everything *rec)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct everything back;
	struct error err = ERROR_INIT;
	memset(&back, 0x55, sizeof(back));
	record_encode(fields, rec, &text);
	int r = record_decode(fields, text.data, text.len, &arena, &back, &err);
	if (r < 0)
		fail_msg("%s", err.why);
	assert_same(rec, &back);
}

static void test_round(void **state UNUSED)
{
	struct everything all = full(), none = { 0 };
	assert_round(required_fields, &all);
	assert_round(optional_fields, &all);
	assert_round(optional_fields, &none);
	all.text = "\xff\xfe not UTF-8";
	assert_round(required_fields, &all);
	static const int64_t edges[] = {
		-1, -24, -25, -256,  -257,  -65536,	-65537,		  INT32_MIN - 1ll, 23,
		24, 255, 256, 65535, 65536, UINT32_MAX, UINT32_MAX + 1ll, INT64_MAX
	};
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		all.i64 = edges[i];
		all.u64 = (uint64_t)edges[i];
		all.i32 = (int32_t)edges[i];
		assert_round(required_fields, &all);
	}
}

/* What a table of optional fields writes for zeros: nothing. */
static void test_left_out(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct everything none = { .text = "" };
	record_encode(optional_fields, &none, &text);
	assert_int_equal(text.len, 1);
	assert_int_equal((uint8_t)text.data[0], 0xa0);
}

/* The bytes themselves, as RFC 8949 and RFC 8746 want them. */
static void test_bytes(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	static uint64_t number[] = { 258 };
	struct everything rec = { .on = true, .i32 = -500, .text = "a", .numbers = { number, 1 } };
	static const uint8_t expected[] = {
		0xa4, 0x62, 'o', 'n',  0xf5, 0x63, 'i',	 '3', '2', 0x39, 0x01, 0xf3, 0x64,
		't',  'e',  'x', 't',  0x61, 'a',  0x67, 'n', 'u', 'm',	 'b',  'e',  'r',
		's',  0xd8, 71,	 0x48, 0x02, 0x01, 0,	 0,   0,   0,	 0,    0,
	};
	record_encode(optional_fields, &rec, &text);
	assert_int_equal(text.len, sizeof(expected));
	assert_memory_equal(text.data, expected, sizeof(expected));
}

static void assert_refused(const struct field *fields, const void *data, size_t size,
			   const char *word)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct everything rec;
	struct error err = ERROR_INIT;
	void *exact = malloc(size ? size : 1); /* so that the sanitizer sees a step too far */
	memcpy(exact, data, size);
	int r = record_decode(fields, exact, size, &arena, &rec, &err);
	free(exact);
	assert_int_equal(r, -EBADMSG);
	if (!strstr(err.why, word))
		fail_msg("\"%s\" does not tell \"%s\"", err.why, word);
}

#define REFUSED(fields, text, word) assert_refused(fields, text, sizeof(text) - 1, word)

static void test_refused(void **state UNUSED)
{
	REFUSED(optional_fields, "", "cut off");
	REFUSED(optional_fields, "\x80", "not a map");
	REFUSED(optional_fields, "\xa0\xa0", "follows");
	REFUSED(optional_fields, "\xa1\x61q\x01", "field q: there is no such field");
	REFUSED(optional_fields, "\xa1\x61\x1b\x01", "field ?: there is no such field");
	REFUSED(optional_fields, "\xa2\x62on\xf5\x62on\xf5", "field on: it is there twice");
	REFUSED(required_fields, "\xa0", "field on: it is missing");
	REFUSED(optional_fields, "\xa1\x62on\x01", "field on: it is not true or false");
	REFUSED(optional_fields, "\xa1\x62on\xf6", "simple value");
	REFUSED(optional_fields, "\xa1\x62on\xfb\0\0\0\0\0\0\0\0", "float");
	REFUSED(optional_fields, "\xa1\x63i32\x1a\x80\0\0\0", "field i32: it is too large");
	REFUSED(optional_fields, "\xa1\x63i32\x3a\x80\0\0\0", "field i32: it is too small");
	REFUSED(optional_fields, "\xa1\x63i64\x1b\x80\0\0\0\0\0\0\0", "field i64: it is too large");
	REFUSED(optional_fields, "\xa1\x63i64\x3b\x80\0\0\0\0\0\0\0", "field i64: it is too small");
	REFUSED(optional_fields, "\xa1\x63u32\x1b\0\0\0\1\0\0\0\0", "field u32: it is too large");
	REFUSED(optional_fields, "\xa1\x63u32\x20", "field u32: it is not a number from 0 up");
	REFUSED(optional_fields, "\xa1\x63u32\x18\x17", "longer than it need be");
	REFUSED(optional_fields, "\xa1\x63u32\x19\0\xff", "longer than it need be");
	REFUSED(optional_fields, "\xa1\x63u32\x1c", "reserved");
	REFUSED(optional_fields, "\xbf\xff", "indefinite");
	REFUSED(optional_fields, "\xa1\x64text\x62\x61", "longer than what is there");
	REFUSED(optional_fields, "\xa1\x64text\x62\x61\0", "field text: text with a zero byte");
	REFUSED(optional_fields, "\xa1\x64text\x61\xff", "not UTF-8");
	REFUSED(optional_fields, "\xa1\x64text\x41\x61", "written as bytes");
	REFUSED(optional_fields,
		"\xa1\x64text\x71"
		"12345678901234567",
		"field text: it is too long");
	REFUSED(optional_fields,
		"\xa1\x65"
		"bytes\x51"
		"12345678901234567",
		"field bytes: it is too long");
	REFUSED(optional_fields,
		"\xa1\x65"
		"bytes\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
		"longer than what");
	REFUSED(optional_fields,
		"\xa1\x67numbers\xd8\x47\x47"
		"1234567",
		"cut off");
	REFUSED(optional_fields, "\xa1\x67numbers\xd8\x46\x40", "a tag that images do not have");
	REFUSED(optional_fields, "\xa1\x67numbers\x80", "not an array of numbers");
	REFUSED(optional_fields, "\xa1\x66points\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
		"longer than what");
	REFUSED(optional_fields, "\xa1\x66points\x84\0\0\0\0\0\0\0\0", "more elements than");
	REFUSED(optional_fields, "\xa1\x66points\x82\xa1\x61x\x01\xa1\x61x\xf5",
		"field points[1].x: it is not a number");
	REFUSED(optional_fields,
		"\xa1\x62"
		"at\xa1\x61y\x01",
		"field at.y: there is no such field");
	REFUSED(optional_fields, "\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "longer than what");
}

/* Every cut and every flipped bit: an error, or a record that is written as it was read. */
static void test_mutations(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct everything all = full();
	record_encode(required_fields, &all, &text);
	for (size_t n = 0; n < text.len; n++)
		assert_refused(required_fields, text.data, n, "");
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		CLEANUP_ARENA struct arena arena = { 0 };
		CLEANUP_BUF struct buf again = BUF_INIT;
		struct everything rec;
		text.data[bit / 8] ^= (char)(1 << bit % 8);
		if (record_decode(required_fields, text.data, text.len, &arena, &rec, NULL) == 0) {
			record_encode(required_fields, &rec, &again);
			assert_int_equal(again.len, text.len);
			assert_memory_equal(again.data, text.data, text.len);
		}
		text.data[bit / 8] ^= (char)(1 << bit % 8);
	}
}

/* A table that holds itself: nesting ends all the same. */
struct nest {
	struct list inner;
};
static const struct field nest_fields[] = {
	FIELD(struct nest, inner, LIST, .optional = true, .fields = nest_fields,
	      .size = sizeof(struct nest)),
	FIELDS_END,
};

static void test_depth(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "\xa1\x65inner\x81");
	buf_puts(&text, "\xa0");
	assert_refused(nest_fields, text.data, text.len, "too deep");
	struct cbor c = cbor_over(text.data, text.len);
	assert_false(cbor_skip(&c, 0));
}

static void test_check(void **state UNUSED)
{
	struct everything all = full();
	struct error err = ERROR_INIT;
	assert_int_equal(record_check(required_fields, &all, &err), 0);
	all.bytes.size = 17;
	assert_int_equal(record_check(required_fields, &all, &err), -E2BIG);
	assert_non_null(strstr(err.why, "bytes"));
	all = full();
	struct point long_label[] = { { 1, "123456789" } };
	all.points = (struct list){ long_label, 1 };
	assert_int_equal(record_check(required_fields, &all, &err), -E2BIG);
	assert_non_null(strstr(err.why, "label"));
}

static void test_utf8(void **state UNUSED)
{
	static const char *const good[] = {
		"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"
	};
	static const char *const bad[] = {
		"\x80",		"\xc0\x80",	    "\xc1\xbf",		"\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xc3",		"\xe2\x82",	    "\xc3\x28"
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(cbor_is_utf8((const uint8_t *)good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(cbor_is_utf8((const uint8_t *)bad[i], strlen(bad[i])));
}

static void test_json(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT, json = BUF_INIT;
	struct everything all = full();
	all.text = "\"\\\n\x7f\xc2\x9b";
	record_encode(required_fields, &all, &text);
	struct image_record rec = { "x", 1, text.data, text.len };
	image_record_json(&rec, &json);
	assert_string_equal(
		buf_str(&json),
		"{\"on\": true, \"i32\": -2147483648, \"u32\": 4294967295, \"i64\": "
		"-9223372036854775808, "
		"\"u64\": 18446744073709551615, \"text\": \"\\\"\\\\\\u000a\\u007f\\u009b\", "
		"\"bytes\": \"000102\", \"numbers\": [0, 18446744073709551615, 7], "
		"\"at\": {\"x\": 24, \"label\": \"here\"}, "
		"\"points\": [{\"x\": 1, \"label\": \"one\"}, {\"x\": -2}]}");
	char long_bytes[65] = { 0 };
	buf_reset(&text);
	buf_reset(&json);
	cbor_put_head(&text, CBOR_MAP, 1);
	cbor_put_text(&text, "b", 1);
	cbor_put_bytes(&text, long_bytes, sizeof(long_bytes));
	rec = (struct image_record){ "x", 1, text.data, text.len };
	image_record_json(&rec, &json);
	assert_string_equal(buf_str(&json), "{\"b\": {\"bytes\": 65}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),	  cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_bytes),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_mutations), cmocka_unit_test(test_depth),
		cmocka_unit_test(test_check),	  cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
