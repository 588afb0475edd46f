/* SPDX-License-Identifier: Apache-2.0 */
/* sessions.c - sessions: of leaders that live, and of one that is dead. */
#include <sys/wait.h>

#include "ckpt.h"

struct told {
	pid_t pid, sid, pgrp, ppid;
};

static void tell(int up)
{
	struct told t = { getpid(), getsid(0), getpgrp(), getppid() };
	(void)!write(up, &t, sizeof(t));
}

static void member(int up)
{
	tell(up);
	ckpt_wait();
	tell(up);
	_exit(0);
}

int main(void)
{
	int up[2];
	enum { N = 4 };
	struct told before[N], after;
	ckpt_init();
	CKPT_SETUP(pipe(up));
	/* a leader with a member; a member whose leader ends; one in our own session */
	if (CKPT_SETUP(fork()) == 0) {
		setsid();
		if (fork() == 0)
			member(up[1]);
		member(up[1]);
	}
	pid_t gone = CKPT_SETUP(fork());
	if (gone == 0) {
		setsid();
		if (fork() == 0) {
			pid_t leader = getsid(0);
			while (getppid() == leader)
				usleep(1000);
			member(up[1]);
		}
		_exit(0);
	}
	CKPT_SETUP(waitpid(gone, NULL, 0));
	if (CKPT_SETUP(fork()) == 0)
		member(up[1]);
	for (int i = 0; i < N; i++)
		CKPT_SETUP(ckpt_read_all(up[0], &before[i], sizeof(after)) ? 0 : -1);

	ckpt_ready();

	for (int i = 0; i < N; i++) {
		kill(before[i].pid, SIGUSR1);
		CKPT_CHECK(ckpt_read_all(up[0], &after, sizeof(after)), "nobody answers");
		CKPT_CHECK(after.pid == before[i].pid && after.sid == before[i].sid &&
				   after.pgrp == before[i].pgrp,
			   "process %d is now %d in session %d (%d), group %d (%d)",
			   (int)before[i].pid, (int)after.pid, (int)after.sid, (int)before[i].sid,
			   (int)after.pgrp, (int)before[i].pgrp);
	}
	ckpt_pass();
}
