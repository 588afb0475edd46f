/* SPDX-License-Identifier: Apache-2.0 */
/* rseq.c - restartable sequences: the kernel goes on writing the processor's number, for each thread. */
#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include "ckpt.h"

static pthread_barrier_t meet;

static volatile struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* Moves over all processors: the area follows. */
static void check(const char *who)
{
	cpu_set_t all, one;
	CKPT_CHECK(sched_getaffinity(0, sizeof(all), &all) == 0, "no affinity");
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		CKPT_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0, "no processor %d", i);
		CKPT_CHECK(area()->cpu_id == (unsigned)i, "%s: processor %d is called %u", who, i,
			   area()->cpu_id);
	}
	/* registered, and nowhere else */
	long r = syscall(SYS_rseq, area(), 32, 0, RSEQ_SIG);
	CKPT_CHECK(r < 0 && (errno == EBUSY || errno == EINVAL), "%s: rseq says %ld", who, r);
}

static void *thread(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	check("the thread");
	return NULL;
}

int main(void)
{
	pthread_t t;
	if (!__rseq_size || (int)area()->cpu_id < 0)
		ckpt_skip("the C library has not registered an area");
	ckpt_init();
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);

	ckpt_ready();

	check("the process");
	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	ckpt_pass();
}
