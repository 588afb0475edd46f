/* SPDX-License-Identifier: Apache-2.0 */
/* itimers.c - interval timers go on: real, virtual, profiling, and alarm(2) with them. */
#include <sys/time.h>
#include <time.h>

#include "ckpt.h"

static volatile sig_atomic_t alarms, virtuals;

static void count(int sig)
{
	if (sig == SIGALRM)
		alarms = alarms + 1;
	else
		virtuals = virtuals + 1;
}

int main(void)
{
	struct itimerval v = { { 0, 50000 }, { 0, 50000 } }, now;
	CKPT_SETUP(signal(SIGALRM, count) == SIG_ERR ? -1 : 0);
	CKPT_SETUP(signal(SIGVTALRM, count) == SIG_ERR ? -1 : 0);
	CKPT_SETUP(setitimer(ITIMER_REAL, &v, NULL));
	CKPT_SETUP(setitimer(ITIMER_VIRTUAL, &v, NULL));
	struct itimerval far = { { 7, 3000 }, { 500, 0 } };
	CKPT_SETUP(setitimer(ITIMER_PROF, &far, NULL));

	ckpt_ready();

	CKPT_CHECK(getitimer(ITIMER_PROF, &now) == 0 && now.it_interval.tv_sec == 7 &&
			   now.it_interval.tv_usec == 3000 && now.it_value.tv_sec >= 490,
		   "the profiling timer has %ld s left", (long)now.it_value.tv_sec);
	alarms = virtuals = 0;
	for (clock_t start = clock();
	     (alarms < 3 || virtuals < 3) && clock() - start < 10 * CLOCKS_PER_SEC;)
		;
	CKPT_CHECK(alarms >= 3, "the real timer came %d times", (int)alarms);
	CKPT_CHECK(virtuals >= 3, "the virtual timer came %d times", (int)virtuals);
	/* one whose signal is pending goes on when that is taken */
	ckpt_pass();
}
