/* SPDX-License-Identifier: Apache-2.0 */
/* attributes.c - what prctl(2) and personality(2) set: timer slack, time stamp counter, personality, memory error policy. */
#include <linux/prctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "ckpt.h"

int main(void)
{
	int tsc = 0;
	CKPT_SETUP(prctl(PR_SET_TIMERSLACK, 77777, 0, 0, 0));
	CKPT_SETUP(prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0));
	CKPT_SETUP(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	CKPT_SETUP(personality(UNAME26));

	ckpt_ready();

	CKPT_CHECK(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 77777, "timer slack");
	CKPT_CHECK(prctl(PR_GET_TSC, &tsc, 0, 0, 0) == 0 && tsc == PR_TSC_SIGSEGV, "tsc");
	CKPT_CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_EARLY, "memory errors");
	CKPT_CHECK(personality(0xffffffff) == UNAME26, "personality");
	ckpt_pass();
}
