/* SPDX-License-Identifier: Apache-2.0 */
/* test_pidname.c - internal names <pidspace|vpid>, read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "proc/pidname.h"

static void test_name_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum pidname_space space;
		uint64_t value;
		const char *container;
		pid_t vpid;
		const char *again;
	} rows[] = {
		{ "<1|2>", PIDNAME_NUMBER, 1, "", 2, "<1|2>" },
		{ "1|2", PIDNAME_NUMBER, 1, "", 2, "<1|2>" },
		{ "<0|913>", PIDNAME_NUMBER, 0, "", 913, "<0|913>" },
		{ "<4294967295|2147483647>", PIDNAME_NUMBER, UINT32_MAX, "", INT32_MAX,
		  "<4294967295|2147483647>" },
		{ "<web|2>", PIDNAME_CONTAINER, 0, "web", 2, "<web|2>" },
		{ "my.web_1-a|7", PIDNAME_CONTAINER, 0, "my.web_1-a", 7, "<my.web_1-a|7>" },
		{ "<ns:4026532345|7>", PIDNAME_INODE, 4026532345, "", 7, "<ns:4026532345|7>" },
		{ "ns:1|7", PIDNAME_INODE, 1, "", 7, "<ns:1|7>" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pidname name;
		char buf[PIDNAME_SIZE];
		assert_int_equal(pidname_parse(rows[i].text, &name), 0);
		assert_int_equal(name.space, rows[i].space);
		assert_int_equal(name.value, rows[i].value);
		assert_string_equal(name.container, rows[i].container);
		assert_int_equal(name.vpid, rows[i].vpid);
		assert_string_equal(pidname_format(&name, buf), rows[i].again);
	}
}

static void test_name_bad(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"|",
		"<>",
		"<|>",
		"1",
		"1|",
		"|1",
		"<1|2",
		"1|2>",
		"1|0",
		"1|-1",
		"1|2|3",
		"1 |2",
		"1| 2",
		"-1|2",
		"ns:|7",
		"ns:0|7",
		"ns:x|7",
		"<?|7>",
		"<<1|2>>",
		"a/b|2",
		"4294967296|1",
		"1|2147483648",
		"1|99999999999999999999",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pidname name = { .vpid = 77 };
		assert_int_equal(pidname_parse(bad[i], &name), -EINVAL);
		assert_int_equal(name.vpid, 77);
	}
	char longname[400];
	memset(longname, 'a', sizeof(longname));
	memcpy(longname + sizeof(longname) - 3, "|1", 3);
	struct pidname name;
	assert_int_equal(pidname_parse(longname, &name), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_parse),
		cmocka_unit_test(test_name_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
