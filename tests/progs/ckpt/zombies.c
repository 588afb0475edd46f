/* SPDX-License-Identifier: Apache-2.0 */
/* zombies.c - children that have ended and were not waited for: what they ended with, and no new SIGCHLD. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "ckpt.h"

static volatile sig_atomic_t deaths;

static void count(int sig)
{
	(void)sig;
	deaths = deaths + 1;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count };
	CKPT_SETUP(sigaction(SIGCHLD, &sa, NULL));
	CKPT_SETUP(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }));
	const int how[] = { 0, 3, 255, -SIGTERM, -SIGKILL, -SIGSEGV, -SIGRTMAX };
	enum { N = sizeof(how) / sizeof(how[0]) };
	pid_t pids[N];
	for (int i = 0; i < N; i++) {
		pids[i] = CKPT_SETUP(fork());
		if (pids[i])
			continue;
		if (how[i] >= 0)
			_exit(how[i]);
		kill(getpid(), how[i] == -SIGRTMAX ? SIGRTMAX : -how[i]);
		pause();
	}
	for (int i = 0; i < N; i++) {
		siginfo_t info;
		CKPT_SETUP(
			TEMP_FAILURE_RETRY(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT)));
	}
	usleep(20000);

	ckpt_init();
	deaths = 0;
	ckpt_ready();

	CKPT_CHECK(deaths == 0, "SIGCHLD came %d times", (int)deaths);
	for (int i = 0; i < N; i++) {
		int status = -1;
		pid_t got = waitpid(pids[i], &status, WNOHANG);
		CKPT_CHECK(got == pids[i], "zombie %d is gone: %d, %s", i, (int)got,
			   got < 0 ? strerror(errno) : "it lives");
		CKPT_CHECK(how[i] >= 0 ? WIFEXITED(status) && WEXITSTATUS(status) == how[i]
				       : WIFSIGNALED(status) && WTERMSIG(status) == -how[i],
			   "zombie %d has ended with %x", i, (unsigned)status);
	}
	CKPT_CHECK(waitpid(-1, NULL, 0) < 0 && errno == ECHILD, "there is another child");
	ckpt_pass();
}
