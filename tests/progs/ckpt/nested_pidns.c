/* SPDX-License-Identifier: Apache-2.0 */
/* nested_pidns.c - a pid namespace within: numbers inside and outside. */
#include <sched.h>
#include <sys/wait.h>

#include "ckpt.h"

struct told {
	pid_t pid, ppid, child;
};

/* Process 1 of the inner namespace, with a child of a chosen distance. */
static int inner(int up)
{
	pid_t child = 0;
	for (int i = 0; i < 5; i++) {
		child = fork();
		if (child == 0) {
			ckpt_wait();
			_exit(getpid() == 6 && getppid() == 1 ? 33 : 34);
		}
		if (i < 4) {
			kill(child, SIGKILL);
			waitpid(child, NULL, 0);
		}
	}
	struct told t = { getpid(), getppid(), child };
	(void)!write(up, &t, sizeof(t));
	ckpt_wait();
	t = (struct told){ getpid(), getppid(), 0 };
	int status = 0;
	kill(child, SIGUSR1);
	if (waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 33)
		t.child = child;
	(void)!write(up, &t, sizeof(t));
	return 44;
}

int main(void)
{
	int up[2];
	struct told t;
	ckpt_init();
	CKPT_SETUP(pipe(up));
	if (unshare(CLONE_NEWPID) < 0)
		ckpt_skip("no pid namespace can be made: %s", strerror(errno));
	pid_t pid = CKPT_SETUP(fork());
	if (pid == 0)
		_exit(inner(up[1]));
	CKPT_SETUP(ckpt_read_all(up[0], &t, sizeof(t)) && t.pid == 1 && t.child == 6 ? 0 : -1);

	ckpt_ready();

	kill(pid, SIGUSR1);
	CKPT_CHECK(ckpt_read_all(up[0], &t, sizeof(t)), "nobody answers");
	CKPT_CHECK(t.pid == 1 && t.ppid == 0, "inside it is %d, child of %d", (int)t.pid,
		   (int)t.ppid);
	CKPT_CHECK(t.child == 6, "its child is lost");
	int status = -1;
	CKPT_CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 44, "it ended with %x",
		   (unsigned)status);
	ckpt_pass();
}
