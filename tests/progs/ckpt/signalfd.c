/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd.c - the set of signals, and one that waits to be read. */
#include <sys/signalfd.h>

#include "ckpt.h"

int main(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 3);
	CKPT_SETUP(sigprocmask(SIG_BLOCK, &set, NULL));
	int fd = CKPT_SETUP(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	union sigval value = { .sival_int = 4711 };
	CKPT_SETUP(sigqueue(getpid(), SIGRTMIN + 3, value));

	ckpt_ready();

	struct signalfd_siginfo si;
	CKPT_CHECK(read(fd, &si, sizeof(si)) == sizeof(si), "no signal: %s", strerror(errno));
	CKPT_CHECK(si.ssi_signo == (unsigned)SIGRTMIN + 3 && si.ssi_int == 4711,
		   "signal %u with %d", si.ssi_signo, si.ssi_int);
	CKPT_CHECK(read(fd, &si, sizeof(si)) < 0 && errno == EAGAIN, "there is another one");
	raise(SIGUSR2);
	CKPT_CHECK(read(fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR2, "SIGUSR2");
	ckpt_pass();
}
