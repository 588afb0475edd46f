/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schema.c - one description, three directions: every kind of field is read, printed and
 * checked; what a strict reader refuses, and where it says the error is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spec/json.h"
#include "spec/pointer.h"
#include "spec/schema.h"

struct part {
	char *name;
	int64_t x;
	struct opt_u64 n;
};
struct whole {
	bool yes, always;
	uint32_t u32;
	uint64_t u64;
	int64_t i64;
	struct opt_bool ob;
	struct opt_u64 ou;
	struct opt_i64 oi;
	char *text, *maybe_empty, *colour;
	struct strings list;
	struct spec_pairs map;
	uint32_t *ids;
	size_t n_ids;
	struct part inner;
	bool has_extra;
	struct part extra;
	struct part *parts;
	size_t n_parts;
	struct part *named;
	size_t n_named;
	char *grouped;
};

static const char *const colours[] = { "red", "green", NULL };

static const struct schema_field part_fields[] = {
	SCHEMA_FIELD(STRING, struct part, name, "name"),
	SCHEMA_FIELD(I64, struct part, x, "x", .min = -5, .max = 5),
	SCHEMA_FIELD(OPT_U64, struct part, n, "n"),
};
static const struct schema part_schema = SCHEMA(struct part, part_fields);
static const struct schema_field strict_part_fields[] = {
	SCHEMA_FIELD(STRING, struct part, name, "name", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(I64, struct part, x, "x", .flags = SCHEMA_REQUIRED),
};
static const struct schema strict_part_schema = SCHEMA_CLOSED(struct part, strict_part_fields);
static const struct schema_field named_fields[] = {
	/* the name is the key */
	SCHEMA_FIELD(I64, struct part, x, "x", .min = -5, .max = 5),
	SCHEMA_FIELD(OPT_U64, struct part, n, "n"),
};
static const struct schema named_schema = SCHEMA(struct part, named_fields);
static const struct schema_field group_fields[] = {
	SCHEMA_FIELD(STRING, struct whole, grouped, "in"),
};
static const struct schema group_schema = SCHEMA(struct whole, group_fields);

static const struct schema_field whole_fields[] = {
	SCHEMA_FIELD(BOOL, struct whole, yes, "yes"),
	SCHEMA_FIELD(BOOL, struct whole, always, "always", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(U32, struct whole, u32, "u32"),
	SCHEMA_FIELD(U64, struct whole, u64, "u64"),
	SCHEMA_FIELD(I64, struct whole, i64, "i64"),
	SCHEMA_FIELD(OPT_BOOL, struct whole, ob, "ob"),
	SCHEMA_FIELD(OPT_U64, struct whole, ou, "ou", .min = 2, .max = 9, .hint = "be modest"),
	SCHEMA_FIELD(OPT_I64, struct whole, oi, "oi"),
	SCHEMA_FIELD(STRING, struct whole, text, "te~x/t"),
	SCHEMA_FIELD(STRING, struct whole, maybe_empty, "maybeEmpty", .flags = SCHEMA_EMPTY),
	SCHEMA_FIELD(STRING, struct whole, colour, "colour", .choices = colours),
	SCHEMA_FIELD(STRINGS, struct whole, list, "list"),
	SCHEMA_FIELD(PAIRS, struct whole, map, "map"),
	SCHEMA_FIELD_U32S(struct whole, ids, n_ids, "ids", .max = 100),
	SCHEMA_FIELD_OBJECT(struct whole, inner, "inner", &part_schema),
	SCHEMA_FIELD_OBJECT_HAS(struct whole, extra, has_extra, "extra", &part_schema),
	SCHEMA_FIELD_OBJECTS(struct whole, parts, n_parts, "parts", &strict_part_schema),
	SCHEMA_FIELD_MAP(struct whole, named, n_named, struct part, name, "named", &named_schema),
	SCHEMA_FIELD_GROUP(struct whole, "group", &group_schema),
};
static const struct schema whole_schema = SCHEMA(struct whole, whole_fields);

static int parse(const char *text, struct arena *a, struct whole *ret, struct error *err)
{
	return schema_parse(&whole_schema, text, strlen(text), a, ret, err);
}

/* text parses, and prints as `expected`. */
static void prints_as(const char *text, const char *expected)
{
	CLEANUP_ARENA struct arena a = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct whole w = { 0 };
	struct error err = ERROR_INIT;
	if (parse(text, &a, &w, &err) < 0)
		fail_msg("%s: %s: %s", text, err.object, err.why);
	assert_int_equal(schema_check(&whole_schema, &w, &err), 0);
	schema_print(&whole_schema, &w, &out);
	assert_string_equal(buf_str(&out), expected);
}

/* text is refused at the pointer, for a reason that holds `why`. */
static void refused_sized(const char *text, size_t size, int errnum, const char *pointer,
			  const char *why)
{
	CLEANUP_ARENA struct arena a = { 0 };
	struct whole w = { 0 };
	struct error err = ERROR_INIT;
	int r = schema_parse(&whole_schema, text, size, &a, &w, &err);
	if (r != -errnum)
		fail_msg("%.60s: %d, not %d: %s: %s", text, r, -errnum, err.object, err.why);
	assert_string_equal(err.object, pointer);
	if (!strstr(err.why, why))
		fail_msg("%.60s: \"%s\" does not tell \"%s\"", text, err.why, why);
	memset(&w, 0, sizeof(w)); /* without an error to fill, it fails all the same */
	assert_int_equal(schema_parse(&whole_schema, text, size, &a, &w, NULL), -errnum);
}

static void refused(const char *text, const char *pointer, const char *why)
{
	refused_sized(text, strlen(text), EINVAL, pointer, why);
}

static void test_every_kind(void **state)
{
	(void)state;
	static const char text[] =
		"{\"yes\":true,\"always\":true,\"u32\":4294967295,\"u64\":18446744073709551615,"
		"\"i64\":-9223372036854775808,\"ob\":false,\"ou\":9,\"oi\":0,"
		"\"te~x/t\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001b\\u007fä€😀\",\"maybeEmpty\":\"\","
		"\"colour\":\"green\",\"list\":[\"\",\"b\"],\"map\":{\"\":\"\",\"k/~\":\"v\"},"
		"\"ids\":[0,7,100],\"inner\":{\"name\":\"i\",\"x\":-5},\"extra\":{\"n\":0},"
		"\"parts\":[{\"name\":\"p\",\"x\":0},{\"name\":\"q\",\"x\":1}],"
		"\"named\":{\"a\":{},\"b\":{\"x\":5}},\"group\":{\"in\":\"g\"}}";
	prints_as(text, text);
}

static void test_what_was_read(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena a = { 0 };
	struct whole w = { .i64 = 77, .u32 = 5 };
	struct error err = ERROR_INIT;
	assert_int_equal(parse("{\"oi\":-3,\"u32\":6,\"te~x/t\":\"\\u0041\\ud83d\\ude00\","
			       "\"list\":[\"x\",\"y\",\"z\"],\"ids\":[1,2,3,4,5],"
			       "\"named\":{\"eth0\":{\"x\":2}}}",
			       &a, &w, &err),
			 0);
	assert_int_equal(w.i64, 77); /* a default stays */
	assert_int_equal(w.u32, 6);
	assert_true(w.oi.set && w.oi.v == -3 && !w.ou.set);
	assert_string_equal(w.text, "A\xf0\x9f\x98\x80");
	assert_true(w.list.n == 3 && !strcmp(w.list.v[2], "z"));
	assert_true(w.n_ids == 5 && w.ids[4] == 5);
	assert_true(w.n_named == 1 && !strcmp(w.named[0].name, "eth0") && w.named[0].x == 2);
	strings_add(&a, &w.list, "more"); /* what was parsed can grow */
	assert_true(w.list.n == 4 && !strcmp(w.list.v[0], "x") && !strcmp(w.list.v[3], "more"));
}

static void test_not_given(void **state)
{
	(void)state;
	prints_as("{}", "{\"always\":false}");
	prints_as(" { \"unknown\" : [ { \"a\" : 1.5e3 } , null ] } \r\n\t", "{\"always\":false}");
	prints_as("{\"yes\":false,\"u32\":0,\"te~x/t\":\"\",\"list\":[],\"map\":{},\"parts\":[],"
		  "\"inner\":{},\"group\":{\"in\":\"\"},\"ou\":null,\"colour\":\"\",\"i64\":-0}",
		  "{\"always\":false}");
	prints_as("{\"extra\":{}}", "{\"always\":false,\"extra\":{}}");
	prints_as("{\"extra\":null}", "{\"always\":false}");
}

static void test_wrong_types(void **state)
{
	(void)state;
	refused("{\"yes\":1}", "/yes", "found the number 1, expected true or false");
	refused("{\"ob\":\"true\"}", "/ob", "found the string \"true\", expected true or false");
	refused("{\"u32\":\"512m\"}", "/u32",
		"found the string \"512m\", expected a whole number from 0 to 4294967295");
	refused("{\"u32\":4294967296}", "/u32", "found the number 4294967296");
	refused("{\"u64\":-1}", "/u64", "found the number -1");
	refused("{\"u64\":1.5}", "/u64", "found the number 1.5");
	refused("{\"u64\":1e3}", "/u64", "found the number 1e3");
	refused("{\"i64\":9223372036854775808}", "/i64", "found the number 9223372036854775808");
	refused("{\"oi\":true}", "/oi", "found true");
	refused("{\"ou\":1}", "/ou", "expected a whole number from 2 to 9");
	refused("{\"ou\":10}", "/ou", "expected a whole number from 2 to 9");
	refused("{\"te~x/t\":[]}", "/te~0x~1t", "found an array, expected a string");
	refused("{\"colour\":\"blue\"}", "/colour",
		"found the string \"blue\", expected one of \"red\", \"green\"");
	refused("{\"list\":{}}", "/list", "found an object");
	refused("{\"list\":[\"a\",null]}", "/list/1", "found null, expected a string");
	refused("{\"map\":[]}", "/map", "found an array");
	refused("{\"map\":{\"a/b\":\"1\",\"c\":1}}", "/map/c", "found the number 1");
	refused("{\"map\":{\"a/b~\":1}}", "/map/a~1b~0", "found the number 1");
	refused("{\"map\":{\"\\u001b[2J\":1}}", "/map/\\u001b[2J", "found the number 1");
	refused("{\"ids\":[1,101]}", "/ids/1", "found the number 101");
	refused("{\"ids\":7}", "/ids", "found the number 7");
	refused("{\"inner\":[]}", "/inner", "found an array, expected an object");
	refused("{\"inner\":{\"x\":6}}", "/inner/x", "expected a whole number from -5 to 5");
	refused("{\"parts\":{}}", "/parts", "found an object");
	refused("{\"parts\":[1]}", "/parts/0", "expected an object");
	refused("{\"parts\":[{\"name\":\"a\",\"x\":1},{\"name\":\"b\"}]}", "/parts/1",
		"\"x\" is missing");
	refused("{\"parts\":[{\"name\":\"\",\"x\":1}]}", "/parts/0", "\"name\" is missing");
	refused("{\"parts\":[{\"name\":null,\"x\":1}]}", "/parts/0", "\"name\" is missing");
	refused("{\"parts\":[{\"name\":\"a\",\"x\":1,\"y\":2}]}", "/parts/0/y", "is known here");
	refused("{\"named\":{\"a\":1}}", "/named/a", "expected an object");
	refused("{\"named\":{\"a\":{\"n\":-1}}}", "/named/a/n", "found the number -1");
}

static void test_hint(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena a = { 0 };
	struct whole w = { 0 };
	struct error err = ERROR_INIT;
	assert_int_equal(parse("{\"ou\":1}", &a, &w, &err), -EINVAL);
	assert_string_equal(err.hint, "be modest");
}

static void test_strict_grammar(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		" ",
		"null",
		"[]",
		"\"a\"",
		"1",
		"{",
		"}",
		"{\"yes\":true",
		"{yes:true}",
		"{'yes':true}",
		"{\"yes\" true}",
		"{\"yes\":true,}",
		"{,}",
		"{\"yes\":}",
		"{\"ids\":[1,]}",
		"{\"ids\":[1 2]}",
		"{\"ids\":[1}",
		"{\"yes\":TRUE}",
		"{\"yes\":tru}",
		"{\"yes\":true} x",
		"{\"yes\":true}{}",
		"{\"a\":NaN}",
		"{\"a\":Infinity}",
		"{\"a\":-Infinity}",
		"{\"a\":01}",
		"{\"a\":-01}",
		"{\"a\":+1}",
		"{\"a\":1.}",
		"{\"a\":.5}",
		"{\"a\":1e}",
		"{\"a\":0x10}",
		"{\"a\":-}",
		"{\"a\":1-1}",
		"/*c*/{}",
		"{}//c",
		"{#\n}",
		"{\"a\":\f1}",
		"\xef\xbb\xbf{}",
		"{\"a\":\"b}",
		"{\"a\"}",
		"{\"a\":1:2}",
		"{:1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":[}]",
		"]{}",
		"{}}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEANUP_ARENA struct arena a = { 0 };
		struct whole w = { 0 };
		struct error err = ERROR_INIT;
		if (parse(bad[i], &a, &w, &err) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		if (!strstr(err.why, "line "))
			fail_msg("%s: no position in \"%s\"", bad[i], err.why);
	}
}

static void test_strict_strings(void **state)
{
	(void)state;
	static const char nul_byte[] = "{\"list\":[\"a\",\"b\0c\"]}";
	static const char nul_outside[] = "{\"yes\":true}\0{";
	refused("{\"list\":[\"a\",\"b\\u0000c\"]}", "/list/1", "line 1, column 16: \\u0000");
	refused("{\"map\":{\"a\\u0000b\":\"\"}}", "/map", "\\u0000");
	refused_sized(nul_byte, sizeof(nul_byte) - 1, EINVAL, "/list/1", "control character");
	refused_sized(nul_outside, sizeof(nul_outside) - 1, EINVAL, "", "after the end");
	refused("{\"list\":[\"a\nb\"]}", "/list/0", "control character");
	refused("{\"list\":[\"\\ud800\"]}", "/list/0", "surrogate");
	refused("{\"list\":[\"\\udc00\\ud800\"]}", "/list/0", "surrogate");
	refused("{\"list\":[\"\\ud800\\u0041\"]}", "/list/0", "surrogate");
	refused("{\"list\":[\"\\x41\"]}", "/list/0", "escape");
	refused("{\"list\":[\"\\u12g4\"]}", "/list/0", "hexadecimal");
	refused("{\"list\":[\"\xff\"]}", "/list/0", "UTF-8");
	refused("{\"list\":[\"\xc0\x80\"]}", "/list/0", "UTF-8");	  /* overlong */
	refused("{\"list\":[\"\xed\xa0\x80\"]}", "/list/0", "UTF-8");	  /* surrogate */
	refused("{\"list\":[\"\xf4\x90\x80\x80\"]}", "/list/0", "UTF-8"); /* above U+10FFFF */
	refused("{\"list\":[\"\xe2\x82\"]}", "/list/0", "UTF-8");	  /* cut */
}

static void test_strict_numbers(void **state)
{
	(void)state;
	refused("{\n\"ids\": [1,\n 18446744073709551616]}", "/ids/1", "line 3, column 2: ");
	refused("{\"a\":{\"b\":-9223372036854775809}}", "/a/b", "64 bits");
	refused("{\"a\":100000000000000000000000000000000}", "/a", "64 bits");
}

static void test_duplicate_keys(void **state)
{
	(void)state;
	refused("{\"yes\":true,\"yes\":true}", "/yes", "line 1, column 13: this key was given");
	refused("{\"inner\":{\"x\":1,\"\\u0078\":1}}", "/inner/x", "given before");
	refused("{\"unknown\":[0,{\"a/b\":1,\"c\":2,\"a/b\":3}]}", "/unknown/1/a~1b",
		"given before");
	prints_as("{\"inner\":{\"x\":1},\"extra\":{\"x\":1}}",
		  "{\"always\":false,\"inner\":{\"x\":1},\"extra\":{\"x\":1}}");
}

/* n times open, then n times close, in an unknown key. */
static void nest(struct buf *out, unsigned n)
{
	buf_puts(out, "{\"a\":");
	for (unsigned i = 0; i < n; i++)
		buf_putc(out, '[');
	for (unsigned i = 0; i < n; i++)
		buf_putc(out, ']');
	buf_putc(out, '}');
}

static void test_limits(void **state)
{
	(void)state;
	CLEANUP_BUF struct buf text = BUF_INIT;
	nest(&text, JSON_MAX_DEPTH - 1);
	prints_as(buf_str(&text), "{\"always\":false}");
	buf_reset(&text);
	nest(&text, JSON_MAX_DEPTH);
	CLEANUP_BUF struct buf at = BUF_INIT;
	buf_puts(&at, "/a");
	for (unsigned i = 0; i < JSON_MAX_DEPTH - 1; i++)
		buf_puts(&at, "/0");
	refused_sized(text.data, text.len, E2BIG, buf_str(&at), "deeper than 32");

	buf_reset(&text); /* many small objects: each costs json-c 100 times its length */
	buf_puts(&text, "{\"a\":[{}");
	for (unsigned i = 0; i < JSON_MAX_CONTAINERS; i++)
		buf_puts(&text, ",{}");
	buf_puts(&text, "]}");
	refused_sized(text.data, text.len, E2BIG, "/a/32766", "more than 32768 objects");

	buf_reset(&text);
	buf_puts(&text, "{\"a\":[1");
	for (unsigned i = 0; i < JSON_MAX_VALUES; i++)
		buf_puts(&text, ",1");
	buf_puts(&text, "]}");
	refused_sized(text.data, text.len, E2BIG, "/a/1048574", "more than 1048576 values");

	buf_reset(&text);
	buf_puts(&text, "{}");
	while (text.len <= JSON_MAX_SIZE)
		buf_putc(&text, ' ');
	refused_sized(text.data, text.len, E2BIG, "", "4194305 bytes of JSON");
	text.data[--text.len] = '\0';
	prints_as(text.data, "{\"always\":false}");
}

static void check_refused(const struct whole *w, const char *pointer, const char *why)
{
	struct error err = ERROR_INIT;
	assert_int_equal(schema_check(&whole_schema, w, &err), -EINVAL);
	assert_string_equal(err.object, pointer);
	if (!strstr(err.why, why))
		fail_msg("\"%s\" does not tell \"%s\"", err.why, why);
	assert_int_equal(schema_check(&whole_schema, w, NULL), -EINVAL);
}

static void test_check_by_hand(void **state)
{
	(void)state;
	char *bad_list[] = { (char *)"a", (char *)"\xff" };
	uint32_t ids[] = { 101 };
	struct spec_pair pair = { (char *)"k", (char *)"\xff" };
	struct part nameless = { .x = 1 }, named = { .name = (char *)"n", .x = 9 };
	struct whole w = { 0 };
	assert_int_equal(schema_check(&whole_schema, &w, NULL), 0);
	check_refused(&(struct whole){ .ou = { true, 1 } }, "/ou", "found the number 1, expected");
	check_refused(&(struct whole){ .colour = (char *)"blue" }, "/colour", "one of \"red\"");
	check_refused(&(struct whole){ .text = (char *)"a\xff" }, "/te~0x~1t", "UTF-8");
	check_refused(&(struct whole){ .list = { bad_list, 2 } }, "/list/1", "UTF-8");
	check_refused(&(struct whole){ .map = { &pair, 1 } }, "/map/k", "UTF-8");
	check_refused(&(struct whole){ .ids = ids, .n_ids = 1 }, "/ids/0", "from 0 to 100");
	check_refused(&(struct whole){ .inner.x = -6 }, "/inner/x", "from -5 to 5");
	check_refused(&(struct whole){ .parts = &nameless, .n_parts = 1 }, "/parts/0",
		      "\"name\" is missing");
	check_refused(&(struct whole){ .named = &named, .n_named = 1 }, "/named/n/x",
		      "found the number 9");
}

static void test_text(void **state)
{
	(void)state;
	CLEANUP_BUF struct buf out = BUF_INIT;
	char quote[16];
	json_put_string(&out, "a\xff\xc3\xa4\x01");
	assert_string_equal(buf_str(&out), "\"a\xef\xbf\xbd\xc3\xa4\\u0001\"");
	assert_string_equal(json_quote("12345678901234567890", quote, sizeof(quote)),
			    "\"1234567890...\"");
	assert_string_equal(json_quote("123456789\xc3\xa4xyz", quote, sizeof(quote)),
			    "\"123456789...\"");
	assert_string_equal(json_quote("short", quote, sizeof(quote)), "\"short\"");

	struct pointer top = { .key = "a/b" }, below = { .up = &top, .index = 3 };
	buf_reset(&out);
	pointer_print(&below, &out);
	assert_string_equal(buf_str(&out), "/a~1b/3");
}

static void test_values(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena a = { 0 };
	struct spec_pairs map = { 0 };
	pairs_set(&a, &map, "one", "1");
	pairs_set(&a, &map, "two", "2");
	pairs_set(&a, &map, "one", "eins");
	assert_int_equal(map.n, 2);
	assert_string_equal(pairs_get(&map, "one"), "eins");
	assert_string_equal(map.v[1].key, "two");
	assert_null(pairs_get(&map, "three"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),     cmocka_unit_test(test_what_was_read),
		cmocka_unit_test(test_not_given),      cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_hint),	       cmocka_unit_test(test_strict_grammar),
		cmocka_unit_test(test_strict_strings), cmocka_unit_test(test_strict_numbers),
		cmocka_unit_test(test_duplicate_keys), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_check_by_hand),  cmocka_unit_test(test_text),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
