/* SPDX-License-Identifier: Apache-2.0 */
/* test_tracee.c - stopping and releasing live processes: threads, forks, signals, stops, zombies, vfork. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tracee_harness.h"

/* ---- one process ---- */

static void stops_and_releases(void **state UNUSED)
{
	pid_t pid = victim_start(life_spin);
	for (int i = 0; i < 20; i++) {
		struct tracees t;
		expect_running(0);
		victims_stop(pid, &t);
		assert_int_equal(t.n, 1);
		assert_int_equal(t.v[0].tid, pid);
		assert_int_equal(t.v[0].tgid, pid);
		assert_int_equal(t.v[0].state, 'R');
		assert_true(t.v[0].traced);
		assert_true((int64_t)t.v[0].regs.orig_rax < 0);
		assert_int_equal(t.v[0].regs.cs, 0x33);
		assert_true(t.v[0].xstate.size >= 576);
		assert_ptr_equal(tracees_find(&t, pid), &t.v[0]);
		assert_null(tracees_find(&t, pid + 1));
		expect_still();
		uint64_t there = 0;
		assert_int_equal(tracee_read(&t.v[0], (uintptr_t)page->count, &there, 8), 0);
		assert_int_equal(there, page->count[0]);
		tracees_release(&t);
		tracees_done(&t);
	}
	victims_end(pid);
}

static void life_sleep(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, 40);
	sigprocmask(SIG_SETMASK, &set, NULL);
	prctl(PR_SET_NAME, "the sleeper");
	for (;;)
		pause();
}

static void reads_state(void **state UNUSED)
{
	pid_t pid = victim_start(life_sleep);
	assert_true(state_becomes(pid, 'S'));
	struct tracees t;
	victims_stop(pid, &t);
	uint64_t mask;
	memcpy(&mask, &t.v[0].mask, 8);
	assert_true(mask == (1ULL << (SIGUSR1 - 1) | 1ULL << 39));
	assert_string_equal(t.v[0].comm, "the sleeper");
	assert_int_equal(t.v[0].regs.orig_rax, SYS_pause);
	assert_int_equal((int64_t)t.v[0].regs.rax, -514);
	/* memory: reading, writing, also where the task itself may not */
	char text[16] = "";
	uint64_t addr = t.v[0].regs.rsp - 512;
	assert_int_equal(tracee_write(&t.v[0], addr, "hello", 6), 0);
	assert_int_equal(tracee_read(&t.v[0], addr, text, 6), 0);
	assert_string_equal(text, "hello");
	assert_int_equal(tracee_write(&t.v[0], (uintptr_t)life_sleep & ~4095ULL, "x", 1), 0);
	assert_int_equal(tracee_read(&t.v[0], 16, text, 1), -EFAULT);
	assert_int_equal(tracee_write(&t.v[0], 16, text, 1), -EFAULT);
	tracees_done(&t); /* releases as well */
	assert_true(state_becomes(pid, 'S'));
	victims_end(pid);
}

static void kills(void **state UNUSED)
{
	pid_t pid = victim_start(life_spin);
	struct tracees t;
	struct error err = ERROR_INIT;
	victims_stop(pid, &t);
	assert_int_equal(tracees_kill(&t, &err), 0);
	assert_int_equal(state_of(pid), 0);
	tracees_done(&t);
	victims_end(pid);
}

/* ---- threads ---- */

static void stops_many_threads(void **state UNUSED)
{
	pid_t pid = victim_start(life_threads);
	while (threads_of(pid) < N_THREADS)
		sleep_ms(1);
	int64_t best = 1000000;
	for (int i = 0; i < 10; i++) {
		struct tracees t;
		int64_t start = now_us();
		victims_stop(pid, &t);
		best = MIN(best, now_us() - start);
		assert_int_equal(t.n, N_THREADS);
		assert_int_equal(t.v[0].tid, pid);
		for (size_t k = 1; k < t.n; k++) {
			assert_int_equal(t.v[k].tgid, pid);
			assert_true(t.v[k].tid > t.v[k - 1].tid || k == 1);
			assert_true(t.v[k].traced);
		}
		expect_still();
		tracees_release(&t);
		tracees_done(&t);
		expect_running(3);
	}
	print_message("%d threads: stopped and read in %ld us at best\n", N_THREADS, (long)best);
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

static void *thread_short(void *arg)
{
	__atomic_add_fetch(&page->count[0], 1, __ATOMIC_RELAXED);
	return arg;
}

/* Threads that are created and end all the time, from several others. */
static void *thread_creator(void *arg)
{
	for (;;) {
		pthread_t p[8];
		for (int i = 0; i < 8; i++)
			VICTIM_CHECK(pthread_create(&p[i], NULL, thread_short, arg) == 0);
		for (int i = 0; i < 8; i++)
			pthread_join(p[i], NULL);
	}
	return NULL;
}

static void life_thread_churn(void)
{
	pthread_t p;
	for (int i = 0; i < 3; i++)
		VICTIM_CHECK(pthread_create(&p, NULL, thread_creator, NULL) == 0);
	thread_creator(NULL);
}

static void stops_thread_churn(void **state UNUSED)
{
	pid_t pid = victim_start(life_thread_churn);
	for (int i = 0; i < 50; i++) {
		struct tracees t;
		expect_running(0);
		victims_stop(pid, &t);
		expect_still();
		assert_int_equal(t.n, threads_of(pid));
		tracees_release(&t);
		tracees_done(&t);
	}
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

/* ---- forks ---- */

/* Children live for an instant, and some have children themselves. */
static void life_fork(void)
{
	for (unsigned i = 0;; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			page->count[1]++;
			if (i % 3 == 0 && fork() == 0)
				page->count[2]++;
			_exit((int)(i % 100));
		}
		int status;
		VICTIM_CHECK(pid > 0);
		VICTIM_CHECK(waitpid(pid, &status, 0) == pid);
		VICTIM_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (int)(i % 100));
		page->count[0]++;
	}
}

static void life_forks(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	life_fork();
}

static void stops_fork_storm(void **state UNUSED)
{
	pid_t pid = victim_start(life_forks);
	for (int i = 0; i < 50; i++) {
		struct tracees t;
		expect_running(0);
		victims_stop(pid, &t);
		expect_still();
		/* nobody of the group is left out */
		pid_t *pids = NULL;
		size_t n = 0;
		assert_int_equal(victims_list(&pid, &pids, &n), 0);
		assert_int_equal(n, t.n);
		for (size_t k = 0; k < n; k++)
			assert_non_null(tracees_find(&t, pids[k]));
		for (size_t k = 0; k < t.n; k++)
			assert_int_equal(t.v[k].traced, t.v[k].state != 'Z');
		free(pids);
		tracees_release(&t);
		tracees_done(&t);
		/* orphans that ended are ours to reap */
		while (waitpid(-pid, NULL, WNOHANG) > 0)
			;
	}
	if (page->bad)
		print_message("line %u\n", page->line);
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

/* ---- programs that are executed, also by a thread that is not the leader ---- */

static void *thread_exec(void *arg)
{
	usleep(200);
	page->count[0]++;
	/* a thread's own, and kept */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		_exit(0);
	execl("/proc/self/exe", "test_tracee", "exec", arg, NULL);
	return NULL;
}

static void life_exec(const char *fd)
{
	pthread_t p[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&p[i], NULL, i == 2 ? thread_exec : thread_count, (void *)fd);
	for (;;)
		pause();
}

static void life_first_exec(void)
{
	char fd[16];
	(void)snprintf(fd, sizeof(fd), "%d", memfd_create("page", 0));
	assert_int_equal(ftruncate(atoi(fd), sizeof(*page)), 0);
	execl("/proc/self/exe", "test_tracee", "exec", fd, NULL);
	_exit(1);
}

static void stops_execs(void **state UNUSED)
{
	pid_t pid = victim_start(life_first_exec);
	for (int i = 0; i < 60; i++) {
		struct tracees t;
		usleep(500 + 37 * (i % 50));
		victims_stop(pid, &t);
		assert_true(t.n >= 1);
		assert_int_equal(t.v[0].tid, pid);
		assert_int_equal(t.n, threads_of(pid));
		tracees_release(&t);
		tracees_done(&t);
		/* a leader is a zombie for the instant in which a thread takes its place */
		char now = 'Z';
		for (int k = 0; k < 1000 && now == 'Z'; k++) {
			usleep(100);
			now = state_of(pid);
		}
		assert_true(now && now != 'Z');
	}
	victims_end(pid);
}

/* ---- signals ---- */

static void on_signal(int signal, siginfo_t *info, void *context UNUSED)
{
	/* in order, and none missing */
	if (signal == SIGRTMIN + 1)
		VICTIM_CHECK(info->si_value.sival_int == (int)page->count[1]++);
	else
		page->count[2]++;
}

static void life_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigaction(SIGRTMIN + 1, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	page->count[3] = 1;
	for (;;) {
		page->count[0]++;
		if (page->count[0] % 5 == 0)
			usleep(20);
	}
}

/* Sends as fast as it can, and notes how many; the victim counts what arrives. */
static void life_storm(pid_t to)
{
	for (int i = 0; !page->quit; i++) {
		while (sigqueue(to, SIGRTMIN + 1, (union sigval){ .sival_int = i }) < 0)
			usleep(10);
		page->count[4]++;
		kill(to, SIGUSR1);
		if (i % 64 == 0)
			usleep(100);
	}
	_exit(0);
}

static void loses_no_signal(void **state UNUSED)
{
	pid_t pid = victim_start(life_signals);
	while (!page->count[3])
		sleep_ms(1);
	pid_t sender = fork();
	if (sender == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		life_storm(pid);
	}
	for (int i = 0; i < 100; i++) {
		struct tracees t;
		struct error err = ERROR_INIT;
		victims_stop(pid, &t);
		uint64_t got = page->count[1], usr = page->count[2];
		assert_true(tracee_call(&t.v[0], SYS_getpid, (uint64_t[6]){ 0 }, &err) == pid);
		usleep(100);
		assert_int_equal(page->count[1], got);
		assert_int_equal(page->count[2], usr);
		tracees_release(&t);
		tracees_done(&t);
		usleep(100);
	}
	page->quit = 1;
	assert_int_equal(waitpid(sender, NULL, 0), sender);
	for (int i = 0; i < 2000 && page->count[1] != page->count[4]; i++)
		sleep_ms(1);
	print_message("%lu signals\n", (unsigned long)page->count[1]);
	assert_int_equal(page->count[1], page->count[4]);
	assert_true(page->count[1] > 100);
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

static int main_exec(const char *fd)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(fd), 0);
	life_exec(fd);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "exec") == 0)
		return main_exec(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stops_and_releases, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(reads_state, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(kills, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(stops_many_threads, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(stops_thread_churn, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(stops_fork_storm, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(stops_execs, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(loses_no_signal, victims_setup, victims_teardown),
	};
	if (argc == 2) /* only this one */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
