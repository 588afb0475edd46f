/* SPDX-License-Identifier: Apache-2.0 */
/* pty_session.c - a session on a terminal of its own: controlling terminal, foreground group, the signals of keys. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "ckpt.h"

static volatile sig_atomic_t interrupts;

static void count(int sig)
{
	(void)sig;
	interrupts = interrupts + 1;
}

/* The session's leader: its group is in the foreground; it has no descriptor of the terminal but /dev/tty. */
static int leader(int master, const char *name, int up)
{
	struct sigaction sa = { .sa_handler = count };
	int slave, tty;
	close(master);
	if (setsid() < 0 || (slave = open(name, O_RDWR)) < 0 ||
	    (tty = open("/dev/tty", O_RDWR)) < 0)
		return 10;
	close(slave);
	sigaction(SIGINT, &sa, NULL);
	(void)!write(up, "r", 1);
	ckpt_wait();
	if (tcgetpgrp(tty) != getpid() || tcgetsid(tty) != getpid())
		return 11;
	(void)!write(up, "g", 1);
	while (!interrupts)
		usleep(1000);
	int again = open("/dev/tty", O_RDWR);
	return again >= 0 && write(again, "x", 1) == 1 ? 0 : 12;
}

int main(void)
{
	int up[2], status = -1;
	char c = 0, name[64];
	ckpt_init();
	int master = CKPT_SETUP(posix_openpt(O_RDWR | O_NOCTTY));
	CKPT_SETUP(unlockpt(master));
	strcpy(name, ptsname(master));
	CKPT_SETUP(pipe(up));
	pid_t pid = CKPT_SETUP(fork());
	if (pid == 0)
		_exit(leader(master, name, up[1]));
	CKPT_SETUP(read(up[0], &c, 1) == 1 && c == 'r' ? 0 : -1);
	usleep(20000);

	ckpt_ready();

	kill(pid, SIGUSR1);
	close(up[1]);
	if (read(up[0], &c, 1) == 1 && c == 'g')
		CKPT_CHECK(write(master, "\003", 1) == 1, "write: %d", errno); /* ^C */
	CKPT_CHECK(waitpid(pid, &status, 0) == pid && status == 0, "the leader ended with %x",
		   (unsigned)status);
	ckpt_pass();
}
