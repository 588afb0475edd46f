/* SPDX-License-Identifier: Apache-2.0 */
/* stopped.c - a stopped process stays stopped, is told as stopped to who has not heard of it, and goes on. */
#include <sys/wait.h>

#include "ckpt.h"

int main(void)
{
	pid_t told, untold;
	int status;
	ckpt_init();
	for (int i = 0; i < 2; i++) {
		pid_t pid = CKPT_SETUP(fork());
		if (pid == 0) {
			setpgid(0,
				0); /* else the group may be an orphan, which SIGTSTP does not stop */
			raise(i ? SIGSTOP : SIGTSTP);
			_exit(40 + i);
		}
		*(i ? &untold : &told) = pid;
	}
	CKPT_SETUP(waitpid(told, &status, WUNTRACED));
	CKPT_SETUP(WIFSTOPPED(status) ? 0 : -1);
	siginfo_t info;
	CKPT_SETUP(waitid(P_PID, (id_t)untold, &info, WSTOPPED | WNOWAIT));

	ckpt_ready();

	usleep(20000);
	CKPT_CHECK(waitpid(told, &status, WNOHANG) == 0, "the first runs");
	CKPT_CHECK(waitpid(untold, &status, WUNTRACED | WNOHANG) == untold && WIFSTOPPED(status) &&
			   WSTOPSIG(status) == SIGSTOP,
		   "the second is not told as stopped");
	kill(told, SIGCONT);
	kill(untold, SIGCONT);
	for (int i = 0; i < 2; i++) {
		pid_t pid = i ? untold : told;
		CKPT_CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 40 + i,
			   "%s ended with %x", i ? "the second" : "the first", (unsigned)status);
	}
	ckpt_pass();
}
