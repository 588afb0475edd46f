/* SPDX-License-Identifier: Apache-2.0 */
/* sched.c - policies of scheduling: of a batch, an idle and a real-time process. */
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ckpt.h"

static const struct {
	int policy, priority;
} rows[] = {
	{ SCHED_BATCH, 0 },
	{ SCHED_IDLE, 0 },
	{ SCHED_OTHER | SCHED_RESET_ON_FORK, 0 },
	{ SCHED_FIFO, 7 },
	{ SCHED_RR | SCHED_RESET_ON_FORK, 3 },
};
#define N (sizeof(rows) / sizeof(rows[0]))

static int child(size_t i)
{
	struct sched_param now, p = { .sched_priority = rows[i].priority };
	if (sched_setscheduler(0, rows[i].policy, &p) < 0)
		return errno == EPERM ? 77 : 10;
	ckpt_wait();
	if (sched_getscheduler(0) != rows[i].policy)
		return 11;
	return sched_getparam(0, &now) == 0 && now.sched_priority == rows[i].priority ? 0 : 12;
}

int main(void)
{
	pid_t pids[N];
	ckpt_init();
	for (size_t i = 0; i < N; i++) {
		pids[i] = CKPT_SETUP(fork());
		if (pids[i] == 0)
			_exit(child(i));
	}
	usleep(50000);

	ckpt_ready();

	for (size_t i = 0; i < N; i++) {
		int status = -1;
		kill(pids[i], SIGUSR1);
		CKPT_CHECK(waitpid(pids[i], &status, 0) == pids[i], "child %zu is no child", i);
		CKPT_CHECK(status == 0 || WEXITSTATUS(status) == 77, "policy %x is lost: status %x",
			   (unsigned)rows[i].policy, (unsigned)status);
	}
	ckpt_pass();
}
