/* SPDX-License-Identifier: Apache-2.0 */
/* threads_max.c - /proc/sys/kernel/threads-max: the limit on tasks, where it is lower than the kernel's own. */
#include <inttypes.h>
#include <stdlib.h>

#include "procview/view.h"

int view_threads_max(const struct facts *f, struct buf *out)
{
	if (f->tasks_limit >= strtoull(f->kernel, NULL, 10))
		return 1;
	buf_printf(out, "%" PRIu64 "\n", f->tasks_limit);
	return 0;
}
