/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c - handlers with their flags and masks; ignored signals; a handler runs after the restore. */

#include "ckpt.h"

static volatile sig_atomic_t seen, value, other_blocked;

static void on_info(int sig, siginfo_t *info, void *ucontext)
{
	sigset_t now;
	(void)ucontext;
	seen = sig;
	value = info->si_value.sival_int;
	sigprocmask(SIG_BLOCK, NULL, &now);
	other_blocked = sigismember(&now, SIGUSR2);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO | SA_RESETHAND };
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR2);
	CKPT_SETUP(sigaction(SIGRTMIN + 4, &sa, NULL));
	CKPT_SETUP(signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0);
	CKPT_SETUP(signal(SIGTERM, SIG_IGN) == SIG_ERR ? -1 : 0);

	ckpt_ready();

	struct sigaction now;
	CKPT_CHECK(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_IGN,
		   "SIGPIPE is not ignored");
	CKPT_CHECK(sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_DFL,
		   "SIGHUP has an action");
	CKPT_CHECK(sigaction(SIGRTMIN + 4, NULL, &now) == 0 && now.sa_sigaction == on_info &&
			   now.sa_flags & SA_RESETHAND && sigismember(&now.sa_mask, SIGUSR2) &&
			   !sigismember(&now.sa_mask, SIGHUP),
		   "the handler is another");
	raise(SIGTERM);
	sigqueue(getpid(), SIGRTMIN + 4, (union sigval){ .sival_int = 4711 });
	CKPT_CHECK(seen == SIGRTMIN + 4 && value == 4711, "the handler saw %d with %d", (int)seen,
		   (int)value);
	CKPT_CHECK(other_blocked, "the mask of the handler is lost");
	CKPT_CHECK(sigaction(SIGRTMIN + 4, NULL, &now) == 0 && now.sa_handler == SIG_DFL,
		   "SA_RESETHAND is lost");
	ckpt_pass();
}
