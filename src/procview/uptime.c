/* SPDX-License-Identifier: Apache-2.0 */
/* uptime.c - /proc/uptime: since the container began, and how long its processors had nothing to do. */
#include <inttypes.h>

#include "procview/view.h"

static void put(struct buf *out, uint64_t ns, char end)
{
	buf_printf(out, "%" PRIu64 ".%02u%c", ns / 1000000000u, (unsigned)(ns / 10000000u % 100),
		   end);
}

int view_uptime(const struct facts *f, struct buf *out)
{
	uint64_t all = f->uptime * facts_cpus(f), used = f->cpu_user + f->cpu_system;
	put(out, f->uptime, ' ');
	put(out, all > used ? all - used : 0, '\n');
	return 0;
}
