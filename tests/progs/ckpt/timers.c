/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c - POSIX timers keep their ids and what is left of their time, and signal whom they did. */
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "ckpt.h"

static pthread_barrier_t meet;
static pid_t thread_id;

static int make(int clock, int notify, int sig, int value, pid_t tid, long ms, long interval_ms)
{
	struct {
		union sigval value;
		int sig, notify, tid, pad[11];
	} ev = { .value.sival_int = value, .sig = sig, .notify = notify, .tid = tid };
	struct itimerspec its = { { interval_ms / 1000, interval_ms % 1000 * 1000000 },
				  { ms / 1000, ms % 1000 * 1000000 } };
	int id;
	CKPT_SETUP(syscall(SYS_timer_create, clock, &ev, &id));
	CKPT_SETUP(syscall(SYS_timer_settime, id, 0, &its, NULL));
	return id;
}

static void *thread(void *arg)
{
	sigset_t set;
	siginfo_t info;
	(void)arg;
	thread_id = (pid_t)syscall(SYS_gettid);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	/* sent to this thread, three times */
	for (int i = 0; i < 3; i++) {
		int sig = sigtimedwait(&set, &info, &(struct timespec){ 5, 0 });
		CKPT_CHECK(sig == SIGRTMIN + 1 && info.si_code == SI_TIMER &&
				   info.si_value.sival_int == 11,
			   "the thread's timer does not come");
	}
	return NULL;
}

static double left(int id)
{
	struct itimerspec its;
	CKPT_CHECK(syscall(SYS_timer_gettime, id, &its) == 0, "there is no timer %d", id);
	return (double)its.it_value.tv_sec + (double)its.it_value.tv_nsec / 1e9;
}

int main(void)
{
	pthread_t t;
	sigset_t set;
	siginfo_t info;
	ckpt_init();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	sigaddset(&set, SIGRTMIN + 3);
	CKPT_SETUP(sigprocmask(SIG_BLOCK, &set, NULL));
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	int far = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 2, 1, 0, 1000000, 0);
	for (int i = 0; i < 7; i++)
		CKPT_SETUP(
			syscall(SYS_timer_delete, make(CLOCK_REALTIME, SIGEV_NONE, 0, 0, 0, 0, 0)));
	int quiet = make(CLOCK_BOOTTIME, SIGEV_NONE, 0, 0, 0, 500000, 0);
	int idle = make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 2, 0, 0, 0, 0);
	int done = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 3, 33, 0, 1, 0);
	make(CLOCK_MONOTONIC, 4 /* SIGEV_THREAD_ID */, SIGRTMIN + 1, 11, thread_id, 50, 50);
	int cpu = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_NONE, 0, 0, 0, 50000, 0);
	usleep(10000);

	ckpt_ready();

	CKPT_CHECK(left(far) > 900 && left(far) < 1000, "the far timer has %f s", left(far));
	CKPT_CHECK(left(quiet) > 400 && left(quiet) < 500, "the quiet one has %f s", left(quiet));
	CKPT_CHECK(left(idle) == 0, "the idle one runs");
	CKPT_CHECK(left(cpu) > 45 && left(cpu) <= 50, "processor time has %f s", left(cpu));
	CKPT_CHECK(left(done) == 0, "the one that ended runs again");
	sigdelset(&set, SIGRTMIN + 1);
	int sig = sigtimedwait(&set, &info, &(struct timespec){ 1, 0 });
	CKPT_CHECK(sig == SIGRTMIN + 3 && info.si_code == SI_TIMER && info.si_value.sival_int == 33,
		   "its signal does not wait: %d, code %d", sig, info.si_code);
	CKPT_CHECK(sigtimedwait(&set, &info, &(struct timespec){ 0, 0 }) < 0, "it comes twice");
	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	ckpt_pass();
}
