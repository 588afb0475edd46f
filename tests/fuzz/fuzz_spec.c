/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_spec.c - config.json as a stranger wrote it: parse, check, print, parse again. What parses must
 * print as text that parses, to a spec that prints the same and is judged the same. An error names
 * itself. Memory is bounded by the limits of json.h; inputs above 256 KiB tell nothing new.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

/* 0 or -errno, and never a failure without a cause. */
static int check(const struct spec *s)
{
	struct error err = ERROR_INIT;
	int r = spec_check(s, &err);
	REQUIRE(r == 0 || (r == -EINVAL && err.err == EINVAL && err.why[0]));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_SPEC struct spec s = { 0 }, again = { 0 };
	CLEANUP_BUF struct buf first = BUF_INIT, second = BUF_INIT;
	struct error err = ERROR_INIT;
	if (size > (256u << 10))
		return 0;
	int r = spec_parse((const char *)data, size, &s, &err);
	if (r < 0) {
		REQUIRE(r == -err.err && err.why[0]);
		return 0;
	}
	int verdict = check(&s);
	spec_print(&s, &first);
	REQUIRE(spec_parse(buf_str(&first), first.len, &again, &err) == 0);
	spec_print(&again, &second);
	REQUIRE(first.len == second.len && !memcmp(first.data, second.data, first.len));
	REQUIRE(check(&again) == verdict);
	return 0;
}
