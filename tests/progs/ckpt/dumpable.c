/* SPDX-License-Identifier: Apache-2.0 */
/* dumpable.c - whether it may be dumped, with ids that clear it, and in a thread that changes ids last. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ckpt.h"

static int child(int uid, int dumpable)
{
	if (uid && setuid((uid_t)uid) < 0)
		_exit(10);
	if (prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) < 0)
		_exit(11);
	ckpt_wait();
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == dumpable ? 0 : 12;
}

int main(void)
{
	pid_t pids[4];
	ckpt_init();
	for (int i = 0; i < 4; i++) {
		pids[i] = CKPT_SETUP(fork());
		if (pids[i] == 0)
			_exit(child(i & 2 ? 1000 : 0, i & 1));
	}
	usleep(50000);

	ckpt_ready();

	for (int i = 0; i < 4; i++) {
		int status = -1;
		kill(pids[i], SIGUSR1);
		CKPT_CHECK(waitpid(pids[i], &status, 0) == pids[i], "child %d is no child", i);
		CKPT_CHECK(status == 0, "child %d (uid %d, dumpable %d) ended with %x", i,
			   i & 2 ? 1000 : 0, i & 1, (unsigned)status);
	}
	ckpt_pass();
}
