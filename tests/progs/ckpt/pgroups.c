/* SPDX-License-Identifier: Apache-2.0 */
/* pgroups.c - process groups: joined ones, and one whose leader is dead. */
#include <sys/wait.h>

#include "ckpt.h"

#define N 4

int main(void)
{
	pid_t pids[N], groups[N];
	ckpt_init();
	for (int i = 0; i < N; i++) {
		pids[i] = CKPT_SETUP(fork());
		if (pids[i] == 0) {
			ckpt_wait();
			_exit(20 + i);
		}
		/* two groups; the second one's leader ends */
		CKPT_SETUP(setpgid(pids[i], i < 2 ? pids[0] : pids[2]));
		groups[i] = i < 2 ? pids[0] : pids[2];
	}
	kill(pids[2], SIGKILL);
	CKPT_SETUP(waitpid(pids[2], NULL, 0));

	ckpt_ready();

	for (int i = 0; i < N; i++)
		CKPT_CHECK(i == 2 || getpgid(pids[i]) == groups[i], "process %d is in group %d", i,
			   (int)getpgid(pids[i]));
	CKPT_CHECK(kill(-groups[3], SIGUSR1) == 0 && kill(-groups[0], SIGUSR1) == 0,
		   "the groups hear nothing");
	for (int i = 0; i < N; i++) {
		int status = -1;
		CKPT_CHECK(i == 2 || (waitpid(-groups[i], &status, 0) > 0 && WIFEXITED(status)),
			   "process %d does not end", i);
	}
	ckpt_pass();
}
