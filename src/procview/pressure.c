/* SPDX-License-Identifier: Apache-2.0 */
/* pressure.c - /proc/pressure/{cpu,io,memory}: the group's own, where the kernel tells it. */
#include "procview/view.h"

static int put(const char *own, struct buf *out)
{
	if (!own || !*own)
		return 1;
	buf_puts(out, own);
	return 0;
}

int view_pressure_cpu(const struct facts *f, struct buf *out)
{
	return put(f->pressure_cpu, out);
}

int view_pressure_io(const struct facts *f, struct buf *out)
{
	return put(f->pressure_io, out);
}

int view_pressure_memory(const struct facts *f, struct buf *out)
{
	return put(f->pressure_memory, out);
}
