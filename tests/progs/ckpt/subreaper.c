/* SPDX-License-Identifier: Apache-2.0 */
/* subreaper.c - orphans come to a subreaper, also those that are made after the restore. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ckpt.h"

int main(void)
{
	int up[2];
	CKPT_SETUP(pipe(up));
	CKPT_SETUP(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));

	ckpt_ready();

	int is = 0;
	CKPT_CHECK(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0 && is == 1, "it is none");
	pid_t middle = fork();
	if (middle == 0) {
		if (fork() == 0) {
			while (getppid() == middle)
				usleep(1000);
			usleep(20000);
			pid_t parent = getppid();
			(void)!write(up[1], &parent, sizeof(parent));
			_exit(7);
		}
		_exit(0);
	}
	pid_t parent = 0;
	CKPT_CHECK(waitpid(middle, NULL, 0) == middle, "the child is gone");
	CKPT_CHECK(ckpt_read_all(up[0], &parent, sizeof(parent)) && parent == getpid(),
		   "the orphan's parent is %d", (int)parent);
	int status = 0;
	CKPT_CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 7, "the orphan is not ours");
	ckpt_pass();
}
