/* SPDX-License-Identifier: Apache-2.0 */
/* pdeathsig.c - the signal of a parent's death is kept, with ids that clear it, and comes. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ckpt.h"

int main(void)
{
	int up[2];
	char c;
	pid_t grandchild;
	ckpt_init();
	CKPT_SETUP(pipe(up));
	pid_t middle = CKPT_SETUP(fork());
	if (middle == 0) {
		if (fork() == 0) {
			int sig = 0;
			if (setuid(1000) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
				_exit(1);
			pid_t self = getpid();
			(void)!write(up[1], &self, sizeof(self));
			ckpt_wait();
			prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
			(void)!write(up[1], sig == SIGTERM ? "y" : "n", 1);
			for (;;)
				pause();
		}
		close(up[1]);
		ckpt_wait();
		_exit(0);
	}
	close(up[1]);
	CKPT_SETUP(ckpt_read_all(up[0], &grandchild, sizeof(grandchild)) ? 0 : -1);
	usleep(50000);

	ckpt_ready();

	kill(grandchild, SIGUSR1);
	CKPT_CHECK(ckpt_read_all(up[0], &c, 1) && c == 'y', "the signal is lost");
	kill(middle, SIGUSR1);
	/* it dies of it, and its end of the pipe with it */
	CKPT_CHECK(read(up[0], &c, 1) == 0, "the grandchild lives");
	CKPT_CHECK(waitpid(middle, NULL, 0) == middle, "the child is no child");
	ckpt_pass();
}
