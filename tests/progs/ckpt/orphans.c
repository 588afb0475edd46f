/* SPDX-License-Identifier: Apache-2.0 */
/* orphans.c - processes whose parents have ended belong to whom they belonged. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ckpt.h"

/* An orphan tells who its parent is, before and after. */
static int orphan(int up, pid_t middle)
{
	while (getppid() == middle)
		usleep(1000);
	pid_t v[2] = { getppid(), getpid() };
	(void)!write(up, v, sizeof(v));
	ckpt_wait();
	v[0] = getppid();
	(void)!write(up, v, sizeof(v));
	return 9;
}

static void make(int up)
{
	pid_t middle = CKPT_SETUP(fork());
	if (middle == 0) {
		pid_t self = getpid();
		if (fork() == 0)
			_exit(orphan(up, self));
		_exit(0);
	}
	CKPT_SETUP(waitpid(middle, NULL, 0));
}

int main(void)
{
	int up[2];
	pid_t to_init[2], to_us[2], now[2];
	ckpt_init();
	CKPT_SETUP(pipe(up));
	make(up[1]);
	CKPT_SETUP(ckpt_read_all(up[0], to_init, sizeof(to_init)) ? 0 : -1);
	CKPT_SETUP(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	make(up[1]);
	CKPT_SETUP(ckpt_read_all(up[0], to_us, sizeof(to_us)) ? 0 : -1);
	CKPT_SETUP(to_us[0] == getpid() ? 0 : -1);

	ckpt_ready();

	kill(to_init[1], SIGUSR1);
	CKPT_CHECK(ckpt_read_all(up[0], now, sizeof(now)) && now[0] == to_init[0],
		   "the orphan's parent is %d, not %d", (int)now[0], (int)to_init[0]);
	kill(to_us[1], SIGUSR1);
	CKPT_CHECK(ckpt_read_all(up[0], now, sizeof(now)) && now[0] == getpid(),
		   "ours has the parent %d", (int)now[0]);
	int status = -1;
	CKPT_CHECK(waitpid(to_us[1], &status, 0) == to_us[1] && WEXITSTATUS(status) == 9,
		   "ours is no child");
	ckpt_pass();
}
