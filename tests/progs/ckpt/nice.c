/* SPDX-License-Identifier: Apache-2.0 */
/* nice.c - nice values, of each thread, and the priority of input and output. */
#include <linux/ioprio.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "ckpt.h"

static pthread_barrier_t meet;

static void check(const char *who, int nice, int io)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);
	int now = getpriority(PRIO_PROCESS, (id_t)tid);
	CKPT_CHECK(now == nice, "%s has the nice value %d", who, now);
	int prio = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);
	CKPT_CHECK(!io || prio == io, "%s has the priority %x", who, (unsigned)prio);
}

static void *thread(void *arg)
{
	(void)arg;
	CKPT_SETUP(setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 11));
	CKPT_SETUP(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
			   IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	check("the thread", 11, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
	return NULL;
}

int main(void)
{
	pthread_t t;
	ckpt_init();
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	CKPT_SETUP(setpriority(PRIO_PROCESS, 0, 5));

	ckpt_ready();

	check("the process", 5, 0);
	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	ckpt_pass();
}
