/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - resource limits, soft and hard; one below what is open. */
#include <fcntl.h>
#include <sys/resource.h>

#include "ckpt.h"

int main(void)
{
	struct rlimit l[RLIM_NLIMITS], now;
	int high = CKPT_SETUP(fcntl(0, F_DUPFD, 700));
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		CKPT_SETUP(getrlimit(i, &l[i]));
		if (i == RLIMIT_CPU || i == RLIMIT_AS || i == RLIMIT_DATA || i == RLIMIT_STACK)
			continue;
		l[i].rlim_max = l[i].rlim_max == RLIM_INFINITY ? 1u << 30 : l[i].rlim_max / 2;
		l[i].rlim_cur = l[i].rlim_max / 2;
		if (i == RLIMIT_NOFILE)
			l[i] = (struct rlimit){ 600, 650 };
		CKPT_SETUP(setrlimit(i, &l[i]));
	}

	ckpt_ready();

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		CKPT_CHECK(getrlimit(i, &now) == 0, "limit %d cannot be read", i);
		CKPT_CHECK(now.rlim_cur == l[i].rlim_cur && now.rlim_max == l[i].rlim_max,
			   "limit %d is %lu:%lu, not %lu:%lu", i, (unsigned long)now.rlim_cur,
			   (unsigned long)now.rlim_max, (unsigned long)l[i].rlim_cur,
			   (unsigned long)l[i].rlim_max);
	}
	CKPT_CHECK(fcntl(high, F_GETFD) >= 0, "descriptor %d is gone", high);
	CKPT_CHECK(fcntl(0, F_DUPFD, 610) < 0 && errno == EINVAL, "the limit does not hold");
	ckpt_pass();
}
