/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - load averages as the kernel makes them: every five seconds, the number of tasks that run or wait for a device,
 * decayed over 1, 5 and 15 minutes. Over a time in which nobody counted, the mean number of tasks that ran is known from the
 * processor time that they used.
 */
#include <math.h>

#include "procview/gather.h"

#define SECOND	 1e9
#define INTERVAL 5e9

static void decay(struct viewfs_load *l, double seconds, double active)
{
	static const double minutes[] = { 1, 5, 15 };
	for (int i = 0; i < 3; i++) {
		double keep = exp(-seconds / (minutes[i] * 60));
		l->average[i] = l->average[i] * keep + active * (1 - keep);
	}
}

void load_catch_up(struct viewfs_load *l, uint64_t now, uint64_t born, uint64_t usage)
{
	if (l->at == 0 || l->at > now || l->usage > usage)
		*l = (struct viewfs_load){ .at = born < now ? born : now };
	double gap = (double)(now - l->at);
	if (gap < INTERVAL)
		return;
	decay(l, gap / SECOND, (double)(usage - l->usage) / gap);
	l->at = now;
	l->usage = usage;
}

void load_sample(struct viewfs_load *l, uint64_t now, uint64_t active, uint64_t usage)
{
	if (l->at == 0 || l->at >= now)
		return;
	decay(l, (double)(now - l->at) / SECOND, (double)active);
	l->at = now;
	l->usage = usage;
}
