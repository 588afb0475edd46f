/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.c - signals are blocked and read as data, so that their origin can be judged.
 *
 * Why blocked: the kernel drops, as they are sent, all signals of default disposition to the init
 * of a pid namespace, whoever sends them; but never a blocked one, because the disposition may
 * change before it is unblocked (sig_ignored() in kernel/signal.c). So a blocked signal is queued
 * with its origin, and a signalfd reads it. SIGKILL and SIGSTOP cannot be blocked: the kernel
 * itself drops those from inside, and lets those from a parent namespace take effect.
 *
 * Which origins are believed. The kernel writes si_pid as seen from init's namespace: 0 for a
 * sender that has no number there, which is the mark of "outside". What each call delivers to init
 * (measured on 6.1 and 6.18 by tests/integration/test_init_program.py):
 *
 *     call                                     from outside         from inside
 *     kill(2), pidfd_send_signal(2) plain      SI_USER   pid 0      SI_USER   pid of the sender
 *     tgkill(2)                                SI_TKILL  pid 0      SI_TKILL  pid of the sender
 *     sigqueue(3), rt_sigqueueinfo(2),         SI_QUEUE  pid 0      SI_QUEUE  any pid, 0 too
 *       pidfd_send_signal(2) with siginfo
 *     the same, with SI_TIMER and others < 0   that code            that code, any content
 *     kernel (SIGIO, terminal, child, timer)   SI_KERNEL, POLL_*, CLD_*, SI_TIMER: nobody's will
 *
 * SI_USER and SI_TKILL to another process cannot be forged (the kernel answers EPERM), so these two
 * with pid 0 are proof. All others are not: a process inside may write what it likes there, or get
 * the kernel to send what it likes (fcntl(2) F_SETOWN and F_SETSIG). They are dropped, sigqueue(3)
 * from outside included: ending a container needs proof, and kill(1) gives it.
 *
 * What is left. (1) Two equal signals below 32 are one until read: an inside SIGTERM that is
 * pending, as while init is stopped, swallows one from outside. (2) When the queue limit of init's
 * user (RLIMIT_SIGPENDING) is used up, or memory is, the kernel delivers tgkill(2), queued and
 * real-time signals without their origin, which reads as SI_USER, pid 0. So a process inside that
 * fills the queue and may signal init (its user, or CAP_KILL) can end the container; in most
 * containers it could as well kill the job. No reading of the message tells it apart. signals_open
 * therefore raises init's limit as far as it may: to infinity with CAP_SYS_RESOURCE, which leaves
 * only a kernel without memory. kill(2) below 32 is exempt from the limit and always carries its
 * origin.
 */
#include "init/signals.h"

#include <signal.h>
#include <stdint.h>

#include "init/calls.h"

#define SIGNALS_MAX 64 /* _NSIG of the kernel: the C library hides 32 and 33, kill(2) takes them */

/* The default actions of signal(7). 32 .. 64 are the real-time signals. */
static const uint8_t ordinary_effect[SIGNALS_MAX + 1] = {
	[SIGHUP] = SIGNAL_END,	  [SIGINT] = SIGNAL_END,    [SIGQUIT] = SIGNAL_END,
	[SIGILL] = SIGNAL_END,	  [SIGTRAP] = SIGNAL_END,   [SIGABRT] = SIGNAL_END,
	[SIGBUS] = SIGNAL_END,	  [SIGFPE] = SIGNAL_END,    [SIGKILL] = SIGNAL_NONE,
	[SIGUSR1] = SIGNAL_END,	  [SIGSEGV] = SIGNAL_END,   [SIGUSR2] = SIGNAL_END,
	[SIGPIPE] = SIGNAL_END,	  [SIGALRM] = SIGNAL_END,   [SIGTERM] = SIGNAL_END,
	[SIGSTKFLT] = SIGNAL_END, [SIGCHLD] = SIGNAL_REAP,  [SIGCONT] = SIGNAL_NONE,
	[SIGSTOP] = SIGNAL_NONE,  [SIGTSTP] = SIGNAL_STOP,  [SIGTTIN] = SIGNAL_STOP,
	[SIGTTOU] = SIGNAL_STOP,  [SIGURG] = SIGNAL_NONE,   [SIGXCPU] = SIGNAL_END,
	[SIGXFSZ] = SIGNAL_END,	  [SIGVTALRM] = SIGNAL_END, [SIGPROF] = SIGNAL_END,
	[SIGWINCH] = SIGNAL_NONE, [SIGIO] = SIGNAL_END,	    [SIGPWR] = SIGNAL_END,
	[SIGSYS] = SIGNAL_END,	  [32 ... 64] = SIGNAL_END,
};

/*
 * SIGCHLD alone is reset: if the engine ignored it, the kernel would throw away the job's status.
 * The dispositions of the others do not matter to a blocked signal.
 */
int signals_open(void)
{
	const calls_sigset all = ~(calls_sigset)0;
	const struct calls_sigaction standard = { 0 };
	struct rlimit64 limit = { RLIM64_INFINITY, RLIM64_INFINITY };

	sys_rt_sigprocmask(SIG_SETMASK, &all);
	sys_rt_sigaction(SIGCHLD, &standard);
	if (sys_prlimit(RLIMIT_SIGPENDING, &limit, NULL) < 0 &&
	    sys_prlimit(RLIMIT_SIGPENDING, NULL, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		sys_prlimit(RLIMIT_SIGPENDING, &limit, NULL);
	}
	return (int)sys_signalfd4(&all, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int signal_is_from_outside(const struct signalfd_siginfo *info)
{
	return (info->ssi_code == SI_USER || info->ssi_code == SI_TKILL) && info->ssi_pid == 0;
}

enum signal_effect signal_effect(const struct signalfd_siginfo *info)
{
	if (info->ssi_signo > SIGNALS_MAX)
		return SIGNAL_NONE;
	if (info->ssi_signo == SIGCHLD || signal_is_from_outside(info))
		return ordinary_effect[info->ssi_signo];
	return SIGNAL_NONE;
}
