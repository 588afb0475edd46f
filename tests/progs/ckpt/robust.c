/* SPDX-License-Identifier: Apache-2.0 */
/* robust.c - a robust mutex whose holder dies after the restore is handed on. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ckpt.h"

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *m =
		mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CKPT_SETUP(m == MAP_FAILED ? -1 : 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &attr);
	ckpt_init();
	pid_t pid = CKPT_SETUP(fork());
	if (pid == 0) {
		pthread_mutex_lock(m);
		ckpt_wait();
		_exit(0);
	}
	while (pthread_mutex_trylock(m) == 0) {
		pthread_mutex_unlock(m);
		usleep(1000);
	}

	ckpt_ready();

	CKPT_CHECK(pthread_mutex_trylock(m) == EBUSY, "the lock is free");
	kill(pid, SIGUSR1);
	CKPT_CHECK(waitpid(pid, NULL, 0) == pid, "the child is no child");
	int r = pthread_mutex_trylock(m);
	CKPT_CHECK(r == EOWNERDEAD, "the lock says %s", strerror(r));
	ckpt_pass();
}
