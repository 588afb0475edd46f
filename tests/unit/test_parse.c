/* SPDX-License-Identifier: Apache-2.0 */
/* test_parse.c - the base room: numbers, sizes, durations, names, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/parse.h"
#include "base/timestamp.h"

/* ---- parse ---- */

static void numbers_are_strict(void **state UNUSED)
{
	static const char *const wrong[] = {
		"", " 1", "1 ", "+1", "0x10", "1e3", "--1", "1-", "-"
	};
	int64_t i;
	uint64_t u;

	for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
		assert_int_equal(parse_i64(wrong[k], INT64_MIN, INT64_MAX, &i), -EINVAL);
		assert_int_equal(parse_u64(wrong[k], 0, UINT64_MAX, &u), -EINVAL);
	}
	assert_int_equal(parse_u64("-1", 0, UINT64_MAX, &u), -EINVAL);
	assert_int_equal(parse_u64("18446744073709551615", 0, UINT64_MAX, &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", 0, UINT64_MAX, &u), -ERANGE);
	assert_int_equal(parse_u64("5", 6, 9, &u), -ERANGE);
	assert_int_equal(parse_u64("10", 6, 9, &u), -ERANGE);
	assert_true(u == UINT64_MAX); /* untouched by failures */
	assert_int_equal(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &i), -ERANGE);
	assert_int_equal(parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &i), -ERANGE);
	assert_int_equal(parse_i64("-3", -2, 2, &i), -ERANGE);
	assert_int_equal(parse_octal("1777", 07777, &u), 0);
	assert_int_equal(u, 01777);
	assert_int_equal(parse_octal("8", 07777, &u), -EINVAL);
	assert_int_equal(parse_octal("10000", 07777, &u), -ERANGE);
}

typedef int text_parser(const char *s, uint64_t *ret);
struct text_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check_text_cases(text_parser *parse, const struct text_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 42;
		int r = parse(cases[i].text, &v);
		uint64_t want = cases[i].result ? 42 : cases[i].value;
		if (r != cases[i].result || v != want)
			fail_msg("\"%s\": result %d, value %llu; wanted %d, %llu", cases[i].text, r,
				 (unsigned long long)v, cases[i].result, (unsigned long long)want);
	}
}

static void sizes(void **state UNUSED)
{
	static const struct text_case cases[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "1b", 0, 1 },
		{ "1k", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "1kb", 0, 1024 },
		{ "64m", 0, 64 << 20 },
		{ "1.5g", 0, 3ULL << 29 },
		{ "2T", 0, 2ULL << 40 },
		{ "16777215t", 0, 16777215ULL << 40 },
		{ "16777216t", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "k", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1.k", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "1kk", -EINVAL, 0 },
		{ "1 k", -EINVAL, 0 },
		{ "1bb", -EINVAL, 0 },
	};
	check_text_cases(parse_size, cases, ARRAY_SIZE(cases));
}

static void durations(void **state UNUSED)
{
	static const struct text_case cases[] = {
		{ "0", 0, 0 },
		{ "10", 0, 10000000000 },
		{ "1.5s", 0, 1500000000 },
		{ "200ms", 0, 200000000 },
		{ "3us", 0, 3000 },
		{ "7ns", 0, 7 },
		{ "5m", 0, 300000000000 },
		{ "1h30m", 0, 5400000000000 },
		{ "7d", 0, 604800000000000 },
		{ "1w", 0, 604800000000000 },
		{ "999999999w", -ERANGE, 0 },
		{ "18446744073s18446744073s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1sx", -EINVAL, 0 },
	};
	check_text_cases(parse_duration, cases, ARRAY_SIZE(cases));
}

static void cpu_lists_and_names(void **state UNUSED)
{
	static const char *const lists[] = { "0", "0-3", "0-3,8", "1,2,3" };
	static const char *const no_lists[] = { "",    ",",	"0-", "-1",   "3-1",  "1,",
						"1 2", "65536", "a",  "0--1", "0-1-2" };
	static const char *const names[] = { "a", "0", "web", "cont_2", "a.b-c", "A" };
	static const char *const no_names[] = {
		"", ".", "-a", "_a", "a/b", "a b", "a\n", "\303\244"
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		assert_true(parse_is_cpulist(lists[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no_lists); i++)
		assert_false(parse_is_cpulist(no_lists[i]));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(parse_is_name(names[i], 16));
	for (size_t i = 0; i < ARRAY_SIZE(no_names); i++)
		assert_false(parse_is_name(no_names[i], 16));
	assert_true(parse_is_name("12345678", 8));
	assert_false(parse_is_name("123456789", 8));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq("", NULL));
	assert_true(str_eq("a", "a"));
	assert_true(str_has_prefix("contexe-1", "contexe-"));
	assert_false(str_has_prefix("con", "contexe-"));
	assert_false(str_has_prefix(NULL, "x"));
}

/* ---- timestamp ---- */

static void timestamps_go_there_and_back(void **state UNUSED)
{
	static const uint64_t times[] = {
		0, 1, 999999999, 951782400000000000, 1795310111123456789, 4102444800000000000
	};
	char buf[TIMESTAMP_SIZE];
	uint64_t back;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		assert_int_equal(timestamp_parse(timestamp_format(times[i], buf), &back), 0);
		assert_true(back == times[i]);
	}
	assert_string_equal(timestamp_format(1795310111123456789, buf),
			    "2026-11-22T01:15:11.123456789Z");
	assert_string_equal(timestamp_format(951782400000000000, buf),
			    "2000-02-29T00:00:00.000000000Z");
}

static void timestamps_are_read_in_many_forms(void **state UNUSED)
{
	static const struct text_case cases[] = {
		{ "1970-01-02", 0, 86400000000000 },
		{ "1970-01-01T00:00:01Z", 0, 1000000000 },
		{ "1970-01-01 00:00:01.5Z", 0, 1500000000 },
		{ "1970-01-01T01:00:00+01:00", 0, 0 },
		{ "1970-01-01T00:00:00-00:30", 0, 1800000000000 },
		{ "@12", 0, 12000000000 },
		{ "1970-01-01T00:00:00+01:00", -EINVAL, 0 }, /* before 1970 */
		{ "1970-01-01T00:00:00+1", -EINVAL, 0 },
		{ "1970-01-01T00:00:00Zjunk", -EINVAL, 0 },
		{ "1970-13-01", -EINVAL, 0 },
		{ "yesterday", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "@", -EINVAL, 0 },
	};
	uint64_t ago;

	check_text_cases(timestamp_parse, cases, ARRAY_SIZE(cases));
	uint64_t now = timestamp_now();
	assert_int_equal(timestamp_parse("10m", &ago), 0);
	assert_in_range(ago, now - 600000000000, timestamp_now() - 600000000000);
	uint64_t t = timestamp_now_monotonic();
	assert_true(timestamp_now_monotonic() >= t);
}

static void spans_are_for_people(void **state UNUSED)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = { { 0, "0 seconds" },    { 1, "1 second" },	     { 59, "59 seconds" },
		      { 60, "1 minute" },    { 3600, "60 minutes" }, { 7200, "2 hours" },
		      { 86400, "24 hours" }, { 172800, "2 days" },   { 31536000, "365 days" } };
	char buf[40];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(timestamp_span(cases[i].seconds * 1000000000, buf, sizeof(buf)),
				    cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(cpu_lists_and_names),
		cmocka_unit_test(timestamps_go_there_and_back),
		cmocka_unit_test(timestamps_are_read_in_many_forms),
		cmocka_unit_test(spans_are_for_people),
	};
	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
