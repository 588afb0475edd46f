/* SPDX-License-Identifier: Apache-2.0 */
/* rescue.c - see rescue.h. */
#include "checkpoint/inject/rescue.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/compiler.h"

#define TOO_LONG_NS 3000000 /* PTRACE_SEIZE takes some 2 us */

static bool has_ended(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED || info->si_code == CLD_KILLED ||
	       info->si_code == CLD_DUMPED;
}

static void reap(const struct tracees *of, uint32_t process)
{
	for (size_t i = 0; i < of->n; i++) {
		const struct tracee *t = &of->v[i];
		siginfo_t info = { 0 };
		if (!t->traced || t->process != process)
			continue;
		/* a look first: the stops of traced threads are told whether asked for or not, and are not ours to take */
		if (waitid(P_PID, (id_t)t->tid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		    has_ended(&info))
			IGNORE_RESULT(
				waitid(P_PID, (id_t)t->tid, &info, WEXITED | WNOHANG | __WALL));
	}
}

static void *watch(void *arg)
{
	struct rescue *r = arg;
	uint64_t seen = 0;
	pthread_mutex_lock(&r->lock);
	while (!r->quits) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TOO_LONG_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&r->quit, &r->lock, &until);
		/* still the request of last time? */
		if (r->seizing && r->turn == seen)
			reap(r->of, r->process);
		seen = r->turn;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* It must not take signals that are meant for the program that we are a part of. */
static void start(struct rescue *r)
{
	sigset_t all, before;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->quit, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r->started = pthread_create(&r->thread, NULL, watch, r) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void rescue_begin(struct rescue *r, const struct tracees *of, uint32_t process)
{
	if (!r->started)
		start(r);
	pthread_mutex_lock(&r->lock);
	r->seizing = true;
	r->turn++;
	r->of = of;
	r->process = process;
	pthread_mutex_unlock(&r->lock);
}

void rescue_end(struct rescue *r)
{
	pthread_mutex_lock(&r->lock);
	r->seizing = false;
	pthread_mutex_unlock(&r->lock);
}

void rescue_done(struct rescue *r)
{
	if (!r->started)
		return;
	pthread_mutex_lock(&r->lock);
	r->quits = true;
	pthread_cond_signal(&r->quit);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->quit);
	pthread_mutex_destroy(&r->lock);
}
