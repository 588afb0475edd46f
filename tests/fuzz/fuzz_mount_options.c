/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_mount_options.c - the parsers around mounts. The first byte of the input chooses one:
 *   'o' mount options separated by commas, 'm' a line of mountinfo.
 * Options that parse must print; a parsed line's strings must lie within the line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "container/rootfs/rootfs.h"
#include "sys/mountinfo.h"

#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

static void check_options(char *text)
{
	CLEANUP_ARENA struct arena a = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct mount_op op = MOUNT_OP_INIT;
	struct error err = ERROR_INIT;
	const char **options = NULL;
	size_t n = 0;

	for (char *s; (s = strsep(&text, ","));)
		*arena_push(&a, options, n) = s;
	if (mount_options_parse(&a, options, n, &op, &err) < 0) {
		REQUIRE(err.err && err.why[0]);
		return;
	}
	REQUIRE(!(op.attr_set & op.attr_clear & ~(uint64_t)0x70)); /* atime is a field */
	REQUIRE(op.userns_fd < 0 && op.source_fd < 0);
	mount_op_print(&op, &out);
	REQUIRE(out.len > 0);
}

static void check_mountinfo(char *line)
{
	const char *end = line + strlen(line);
	struct mountinfo m;

	if (mountinfo_parse_line(line, &m) < 0)
		return;
	const char *const strings[] = { m.root, m.mount_point, m.options,
					m.type, m.source,      m.super_options };
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		REQUIRE(strings[i] >= line && strings[i] + strlen(strings[i]) <= end);
	REQUIRE(m.id >= 0 && m.parent >= 0 && m.mount_point[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = strndup((const char *)data + 1, size - 1);
	REQUIRE(text);
	if (data[0] == 'o')
		check_options(text);
	else if (data[0] == 'm')
		check_mountinfo(text);
	free(text);
	return 0;
}
