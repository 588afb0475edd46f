/* SPDX-License-Identifier: Apache-2.0 */
/* threads100.c - a hundred threads: ids, thread-local storage, locks that they wait for. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "ckpt.h"

#define N 100

static __thread int mine;
static pthread_barrier_t meet;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static int may_go;
static pid_t tids[N];
static atomic_int good;

static void *thread(void *arg)
{
	int i = (int)(intptr_t)arg;
	mine = i * 3 + 1;
	tids[i] = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&meet);
	pthread_mutex_lock(&lock);
	while (!may_go)
		pthread_cond_wait(&go, &lock);
	pthread_mutex_unlock(&lock);
	if (mine == i * 3 + 1 && syscall(SYS_gettid) == tids[i])
		atomic_fetch_add(&good, 1);
	return (void *)(intptr_t)(i + 7);
}

int main(void)
{
	pthread_t t[N];
	ckpt_init();
	pthread_barrier_init(&meet, NULL, N + 1);
	for (int i = 0; i < N; i++)
		CKPT_SETUP(pthread_create(&t[i], NULL, thread, (void *)(intptr_t)i) ? -1 : 0);
	pthread_barrier_wait(&meet);

	ckpt_ready();

	pthread_mutex_lock(&lock);
	may_go = 1;
	pthread_cond_broadcast(&go);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < N; i++) {
		void *result = NULL;
		CKPT_CHECK(pthread_join(t[i], &result) == 0 && (intptr_t)result == i + 7,
			   "thread %d cannot be joined", i);
	}
	CKPT_CHECK(good == N, "%d threads are what they were", good);
	ckpt_pass();
}
