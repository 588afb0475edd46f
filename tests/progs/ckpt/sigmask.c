/* SPDX-License-Identifier: Apache-2.0 */
/* sigmask.c - each thread has its own mask. */
#include <pthread.h>

#include "ckpt.h"

static pthread_barrier_t meet;

static void *thread(void *arg)
{
	sigset_t set, now;
	(void)arg;
	sigfillset(&set);
	sigdelset(&set, SIGWINCH);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	CKPT_CHECK(sigismember(&now, SIGHUP) && sigismember(&now, SIGRTMAX) &&
			   !sigismember(&now, SIGWINCH),
		   "the thread's mask is another");
	return NULL;
}

int main(void)
{
	pthread_t t;
	sigset_t set, now;
	ckpt_init();
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGRTMIN + 7);
	pthread_sigmask(SIG_BLOCK, &set, NULL);

	ckpt_ready();

	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	CKPT_CHECK(sigismember(&now, SIGINT) && sigismember(&now, SIGRTMIN + 7) &&
			   !sigismember(&now, SIGHUP) && !sigismember(&now, SIGRTMAX),
		   "the mask is another");
	ckpt_pass();
}
