/* SPDX-License-Identifier: Apache-2.0 */
/* loadavg.c - /proc/loadavg: of the container's own tasks. */
#include <inttypes.h>

#include "procview/view.h"

int view_loadavg(const struct facts *f, struct buf *out)
{
	buf_printf(out, "%.2f %.2f %.2f %" PRIu64 "/%" PRIu64 " %" PRIu64 "\n", f->load[0],
		   f->load[1], f->load[2], f->running ? f->running : 1, f->tasks, f->last_pid);
	return 0;
}
