/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu_online.c - /sys/devices/system/cpu/{online,present}: the processors that the container sees, as a list of ranges.
 * "possible" stays the machine's: programs size what the kernel fills in for each processor (BPF maps) by it.
 */
#include <inttypes.h>

#include "procview/view.h"

static int put_list(const struct facts *f, struct buf *out)
{
	uint64_t left = facts_cpus(f), first = 0, n = 0;
	size_t start = out->len;

	for (uint64_t cpu = 0; cpu <= FACTS_MAX_CPUS; cpu++) {
		bool seen = left > 0 && facts_may_use(f, cpu);
		left -= seen;
		if (seen && n++ == 0)
			first = cpu;
		if (seen || n == 0)
			continue;
		buf_printf(out, out->len > start ? ",%" PRIu64 : "%" PRIu64, first);
		if (n > 1)
			buf_printf(out, "-%" PRIu64, first + n - 1);
		n = 0;
	}
	if (out->len == start)
		return 1;
	buf_putc(out, '\n');
	return 0;
}

int view_cpu_online(const struct facts *f, struct buf *out)
{
	return put_list(f, out);
}

int view_cpu_present(const struct facts *f, struct buf *out)
{
	return put_list(f, out);
}
