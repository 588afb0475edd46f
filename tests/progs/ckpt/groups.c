/* SPDX-License-Identifier: Apache-2.0 */
/* groups.c - supplementary groups. */
#include <grp.h>

#include "ckpt.h"

int main(void)
{
	gid_t set[64], now[128];
	for (unsigned i = 0; i < 64; i++)
		set[i] = 100 + 7 * i;
	CKPT_SETUP(setgroups(64, set));

	ckpt_ready();

	int n = getgroups(128, now);
	CKPT_CHECK(n == 64, "%d groups", n);
	CKPT_CHECK(memcmp(now, set, sizeof(set)) == 0, "the groups are others");
	ckpt_pass();
}
