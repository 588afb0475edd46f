/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_strict.c - strict mode: a process that may only read, write and end. */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ckpt.h"

int main(void)
{
	int down[2], up[2];
	char c = 0;
	CKPT_SETUP(pipe(down));
	CKPT_SETUP(pipe(up));
	pid_t pid[2];
	for (int i = 0; i < 2; i++) {
		pid[i] = CKPT_SETUP(fork());
		if (pid[i])
			continue;
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) < 0) {
			(void)!write(up[1], "s", 1);
			syscall(SYS_exit, 1);
		}
		(void)!write(up[1], "r", 1);
		(void)!read(down[0], &c, 1);
		(void)!write(up[1], &c, 1);
		if (c == 'x')
			syscall(SYS_getpid); /* kills */
		syscall(SYS_exit, 0);
	}
	CKPT_SETUP(read(up[0], &c, 1));
	CKPT_SETUP(read(up[0], &c, 1));
	if (c == 's')
		ckpt_skip("there is a filter already: strict mode is not to be had");

	ckpt_ready();

	CKPT_CHECK(write(down[1], "xy", 2) == 2, "write");
	int ends[2], killed = 0, ended = 0;
	for (int i = 0; i < 2; i++) {
		CKPT_CHECK(waitpid(pid[i], &ends[i], 0) == pid[i], "the child is no child");
		killed += WIFSIGNALED(ends[i]) && WTERMSIG(ends[i]) == SIGKILL;
		ended += ends[i] == 0;
	}
	CKPT_CHECK(killed == 1 && ended == 1, "they ended with %x and %x", (unsigned)ends[0],
		   (unsigned)ends[1]);
	ckpt_pass();
}
