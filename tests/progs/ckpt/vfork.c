/* SPDX-License-Identifier: Apache-2.0 */
/* vfork.c - a child of vfork(2) that has executed its program, and its parent. */
#include <sys/wait.h>

#include "ckpt.h"

int main(int argc, char **argv)
{
	if (argc > 1) {
		ckpt_init();
		ckpt_wait();
		_exit(getppid() == atoi(argv[1]) ? 55 : 56);
	}
	char self[16];
	(void)snprintf(self, sizeof(self), "%d", (int)getpid());
	ckpt_init();
	pid_t pid = vfork();
	if (pid == 0) {
		execl("/proc/self/exe", argv[0], self, NULL);
		_exit(1);
	}
	usleep(50000);

	ckpt_ready();

	int status = -1;
	kill(pid, SIGUSR1);
	CKPT_CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 55, "it ended with %x",
		   (unsigned)status);
	ckpt_pass();
}
