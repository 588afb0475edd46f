/* SPDX-License-Identifier: Apache-2.0 */
/* comm.c - names of threads, any bytes. */
#include <pthread.h>
#include <sys/prctl.h>

#include "ckpt.h"

static pthread_barrier_t meet;

static void *thread(void *arg)
{
	char now[16] = "";
	(void)arg;
	CKPT_SETUP(prctl(PR_SET_NAME, "worker (1) \xfe\n", 0, 0, 0));
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	prctl(PR_GET_NAME, now, 0, 0, 0);
	CKPT_CHECK(strcmp(now, "worker (1) \xfe\n") == 0, "the thread's name is '%s'", now);
	return NULL;
}

int main(void)
{
	pthread_t t;
	char now[16] = "";
	ckpt_init();
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	CKPT_SETUP(prctl(PR_SET_NAME, "fifteen letters", 0, 0, 0));

	ckpt_ready();

	prctl(PR_GET_NAME, now, 0, 0, 0);
	CKPT_CHECK(strcmp(now, "fifteen letters") == 0, "the name is '%s'", now);
	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	ckpt_pass();
}
