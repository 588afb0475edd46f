/* SPDX-License-Identifier: Apache-2.0 */
/* sigpending.c - blocked signals that were queued come afterwards: all, in order, with what they carried. */
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "ckpt.h"

static void take(const sigset_t *set, int sig, int code, int value)
{
	siginfo_t info;
	int got = sigtimedwait(set, &info, &(struct timespec){ 0, 0 });
	CKPT_CHECK(got == sig, "signal %d came, not %d", got, sig);
	CKPT_CHECK(info.si_code == code, "signal %d has the code %d, not %d", sig, info.si_code,
		   code);
	CKPT_CHECK(info.si_value.sival_int == value || code == SI_USER,
		   "signal %d carries %d, not %d", sig, info.si_value.sival_int, value);
}

static pthread_barrier_t meet;

static void *thread(void *arg)
{
	sigset_t set;
	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGRTMIN + 2);
	pid_t tid = (pid_t)syscall(SYS_gettid);
	CKPT_SETUP(syscall(SYS_tgkill, getpid(), tid, SIGHUP));
	siginfo_t info = { .si_signo = SIGRTMIN + 2, .si_code = -33 };
	info.si_value.sival_int = 99;
	CKPT_SETUP(syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGRTMIN + 2, &info));
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	take(&set, SIGHUP, SI_USER, 0); /* the C library folds SI_TKILL into it */
	take(&set, SIGRTMIN + 2, -33, 99);
	return NULL;
}

int main(void)
{
	pthread_t t;
	sigset_t all;
	ckpt_init();
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	CKPT_SETUP(sigprocmask(SIG_BLOCK, &all, NULL));
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	for (int i = 0; i < 50; i++)
		CKPT_SETUP(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i }));
	CKPT_SETUP(kill(getpid(), SIGTERM));
	CKPT_SETUP(kill(getpid(), SIGTERM)); /* the same once more: still one */
	CKPT_SETUP(raise(SIGINT));

	ckpt_ready();

	pthread_barrier_wait(&meet);
	CKPT_CHECK(pthread_join(t, NULL) == 0, "the thread cannot be joined");
	take(&all, SIGINT, SI_USER, 0);
	take(&all, SIGTERM, SI_USER, 0);
	for (int i = 0; i < 50; i++)
		take(&all, SIGRTMIN + 3, SI_QUEUE, i);
	siginfo_t info;
	int more = sigtimedwait(&all, &info, &(struct timespec){ 0, 0 });
	CKPT_CHECK(more < 0 && errno == EAGAIN, "signal %d came from nowhere", more);
	ckpt_pass();
}
