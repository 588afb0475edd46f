/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - see progress.h. */
#include "cli/progress.h"

#include <stdio.h>

#include "base/timestamp.h"

#define BETWEEN_NS 100000000 /* two lines */

struct progress progress_of(const struct cli *cli)
{
	return (struct progress){ .on = use_color(2) && !cli->quiet && !cli->json };
}

void progress_show(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	struct progress *p = arg;
	char a[16], b[16];
	uint64_t now = timestamp_now_monotonic();
	if (!p->on || (p->shown && now - p->last < BETWEEN_NS && done != total))
		return;
	p->last = now;
	p->shown = true;
	if (total)
		fprintf(stderr, "\r\033[K%s: %s of %s (%d%%)", phase,
			format_size(done, a, sizeof(a)), format_size(total, b, sizeof(b)),
			(int)(done * 100 / total));
	else
		fprintf(stderr, "\r\033[K%s: %s", phase, format_size(done, a, sizeof(a)));
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
