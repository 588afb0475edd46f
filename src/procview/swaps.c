/* SPDX-License-Identifier: Apache-2.0 */
/* swaps.c - /proc/swaps: where swap is limited, one area of that size; which areas of the machine it lies in is not told. */
#include <inttypes.h>
#include <stdio.h>

#include "procview/text.h"
#include "procview/view.h"

/* In KiB: the third column of all areas. */
static uint64_t machine_total(const char *text)
{
	uint64_t total = 0;
	struct text_line line;
	while (text_next(&text, &line)) {
		uint64_t size;
		if (sscanf(line.at, "/%*s %*s %" SCNu64, &size) == 1)
			total += size;
	}
	return total;
}

int view_swaps(const struct facts *f, struct buf *out)
{
	uint64_t total = machine_total(f->kernel);
	if (f->swap_limit == FACT_UNKNOWN)
		return 1;
	if (f->swap_limit / 1024 < total)
		total = f->swap_limit / 1024;
	uint64_t used = f->swap_usage == FACT_UNKNOWN ? 0 : f->swap_usage / 1024;
	buf_puts(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (total)
		buf_printf(out, "none\t\t\t\t\tvirtual\t\t%" PRIu64 "\t\t%" PRIu64 "\t\t0\n", total,
			   used < total ? used : total);
	return 0;
}
