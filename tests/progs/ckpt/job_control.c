/* SPDX-License-Identifier: Apache-2.0 */
/* job_control.c - a shell's jobs: one in the foreground, one in the background, one stopped. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "ckpt.h"

static int job(void)
{
	setpgid(0, 0);
	ckpt_wait();
	return 5;
}

static int shell(const char *name, int up)
{
	pid_t jobs[3];
	int tty, status;
	if (setsid() < 0 || (tty = open(name, O_RDWR)) < 0)
		return 10;
	signal(SIGTTOU, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		jobs[i] = fork();
		if (jobs[i] == 0)
			_exit(job());
		setpgid(jobs[i], jobs[i]);
	}
	tcsetpgrp(tty, jobs[0]);
	kill(-jobs[2], SIGTSTP);
	if (waitpid(jobs[2], &status, WUNTRACED) != jobs[2] || !WIFSTOPPED(status))
		return 11;
	(void)!write(up, "r", 1);
	ckpt_wait();
	if (tcgetpgrp(tty) != jobs[0])
		return 12;
	for (int i = 0; i < 3; i++)
		if (getpgid(jobs[i]) != jobs[i] || getsid(jobs[i]) != getpid())
			return 13;
	/* the stopped one says nothing until it goes on, and tells that once */
	if (waitpid(jobs[2], &status, WUNTRACED | WNOHANG) != 0)
		return 14;
	kill(-jobs[2], SIGUSR1);
	usleep(20000);
	if (waitpid(jobs[2], &status, WNOHANG) != 0)
		return 15;
	kill(-jobs[2], SIGCONT);
	kill(-jobs[1], SIGUSR1);
	kill(-jobs[0], SIGUSR1);
	for (int i = 0; i < 3; i++)
		if (waitpid(jobs[i], &status, 0) != jobs[i] || WEXITSTATUS(status) != 5)
			return 16;
	return 0;
}

int main(void)
{
	int up[2], status = -1;
	char c = 0;
	ckpt_init();
	int master = CKPT_SETUP(posix_openpt(O_RDWR | O_NOCTTY));
	CKPT_SETUP(unlockpt(master));
	CKPT_SETUP(pipe(up));
	pid_t pid = CKPT_SETUP(fork());
	if (pid == 0)
		_exit(shell(ptsname(master), up[1]));
	CKPT_SETUP(read(up[0], &c, 1) == 1 ? 0 : -1);
	usleep(50000);

	ckpt_ready();

	kill(pid, SIGUSR1);
	CKPT_CHECK(waitpid(pid, &status, 0) == pid && status == 0, "the shell ended with %x",
		   (unsigned)status);
	ckpt_pass();
}
