/* SPDX-License-Identifier: Apache-2.0 */
/* test_tracee_signals.c - a process under a storm of signals is stopped and released, and loses none. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "tracee_harness.h"

static int setup(void **state UNUSED)
{
	victim_page_new();
	return 0;
}

static int teardown(void **state UNUSED)
{
	victim_page_done();
	return 0;
}

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
	if (sender == 0)
		life_storm(pid);
	for (int i = 0; i < 300; i++) {
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
	assert_true(page->count[1] > 300);
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(loses_no_signal, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
