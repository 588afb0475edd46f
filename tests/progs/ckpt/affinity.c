/* SPDX-License-Identifier: Apache-2.0 */
/* affinity.c - on which processors it runs. */
#include <sched.h>

#include "ckpt.h"

int main(void)
{
	cpu_set_t all, one, now;
	CKPT_SETUP(sched_getaffinity(0, sizeof(all), &all));
	if (CPU_COUNT(&all) < 2)
		ckpt_skip("there is one processor only");
	CPU_ZERO(&one);
	int cpu = 0;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all))
			cpu = i; /* the last */
	CPU_SET(cpu, &one);
	CKPT_SETUP(sched_setaffinity(0, sizeof(one), &one));

	ckpt_ready();

	CKPT_CHECK(sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&one, &now),
		   "it may run on %d processors", CPU_COUNT(&now));
	ckpt_pass();
}
