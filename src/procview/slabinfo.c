/* SPDX-License-Identifier: Apache-2.0 */
/* slabinfo.c - /proc/slabinfo: the heading alone. The kernel does not tell which objects are a group's (since 5.16). */
#include "procview/text.h"
#include "procview/view.h"

int view_slabinfo(const struct facts *f, struct buf *out)
{
	const char *text = f->kernel;
	struct text_line line;
	while (text_next(&text, &line)) {
		if (line.size < 4 || (line.at[0] != '#' && !text_is(&line, 4, "slab")))
			break;
		buf_add(out, line.at, line.size);
		buf_putc(out, '\n');
	}
	return 0;
}
