/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpuinfo.c - /proc/cpuinfo: the kernel's blocks of those processors that the container sees, under their own numbers, which
 * are those that sched_setaffinity(2) takes. A block that tells of no processor is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "procview/text.h"
#include "procview/view.h"

/* "processor\t: 3" on its first line. */
static bool block_cpu(const char *block, uint64_t *ret)
{
	struct text_line line;
	if (!text_next(&block, &line) || !text_is(&line, text_key(&line, ':'), "processor"))
		return false;
	const char *colon = memchr(line.at, ':', line.size);
	if (!colon)
		return false;
	*ret = strtoull(colon + 1, NULL, 10);
	return true;
}

int view_cpuinfo(const struct facts *f, struct buf *out)
{
	for (const char *block = f->kernel; *block;) {
		const char *end = strstr(block, "\n\n");
		size_t size = end ? (size_t)(end - block) + 2 : strlen(block);
		uint64_t cpu;
		if (!block_cpu(block, &cpu) || facts_has_cpu(f, cpu))
			buf_add(out, block, size);
		block += size;
	}
	return 0;
}
