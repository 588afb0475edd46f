/* SPDX-License-Identifier: Apache-2.0 */
/* test_tracee_states.c - processes that are stopped by a signal, dead, in vfork, traced, of 32 bits. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/ptrace.h>

#include "tracee_harness.h"

static void keeps_group_stops(void **state UNUSED)
{
	static const int signals[] = { SIGSTOP, SIGTSTP };
	for (int i = 0; i < 2; i++) {
		pid_t pid = victim_start(life_spin);
		kill(pid, signals[i]);
		assert_true(state_becomes(pid, 'T'));
		for (int k = 0; k < 3; k++) {
			struct tracees t;
			victims_stop(pid, &t);
			assert_int_equal(t.v[0].state, 'T');
			assert_int_equal(t.v[0].stop_signal, signals[i]);
			tracees_release(&t);
			tracees_done(&t);
			assert_true(state_becomes(pid, 'T'));
			expect_still();
		}
		kill(pid, SIGCONT);
		expect_running(0);
		victims_end(pid);
	}
}

static void keeps_group_stops_of_threads(void **state UNUSED)
{
	pid_t pid = victim_start(life_threads);
	while (threads_of(pid) < N_THREADS)
		sleep_ms(1);
	kill(pid, SIGSTOP);
	assert_true(state_becomes(pid, 'T'));
	sleep_ms(20);
	struct tracees t;
	victims_stop(pid, &t);
	assert_int_equal(t.n, N_THREADS);
	for (size_t i = 0; i < t.n; i++)
		assert_int_equal(t.v[i].state, 'T');
	tracees_release(&t);
	tracees_done(&t);
	assert_true(state_becomes(pid, 'T'));
	expect_still();
	kill(pid, SIGCONT);
	expect_running(5);
	victims_end(pid);
}

static void life_zombies(void)
{
	for (int i = 0; i < 5; i++)
		if (fork() == 0)
			_exit(i);
	page->count[0] = 1;
	for (;;)
		pause();
}

static void finds_zombies(void **state UNUSED)
{
	pid_t pid = victim_start(life_zombies);
	while (!page->count[0])
		sleep_ms(1);
	sleep_ms(20);
	struct tracees t;
	victims_stop(pid, &t);
	assert_int_equal(t.n, 6);
	int zombies = 0;
	for (size_t i = 0; i < t.n; i++)
		if (t.v[i].state == 'Z') {
			zombies++;
			assert_false(t.v[i].traced);
		}
	assert_int_equal(zombies, 5);
	tracees_release(&t);
	tracees_done(&t);
	victims_end(pid);
}

/* Its children take their time before they execute a program. */
static void life_vfork(void)
{
	for (;;) {
		pid_t pid = vfork();
		if (pid == 0) {
			usleep(3000);
			if (page->count[0] % 2)
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
		int status;
		VICTIM_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		page->count[0]++;
	}
}

static void stops_vfork(void **state UNUSED)
{
	pid_t pid = victim_start(life_vfork);
	for (int i = 0; i < 60; i++) {
		struct tracees t;
		usleep((useconds_t)(i * 131 % 5000));
		victims_stop(pid, &t);
		assert_non_null(tracees_find(&t, pid));
		expect_still();
		tracees_release(&t);
		tracees_done(&t);
		expect_running(0);
	}
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

static void life_vfork_hangs(void)
{
	prctl(PR_SET_NAME, "vforker");
	pid_t pid = vfork();
	if (pid == 0) {
		page->count[0] = 1;
		while (getppid() != 1)
			usleep(1000);
		_exit(0);
	}
	page->count[1] = 1;
	pause();
}

static void names_what_does_not_stop(void **state UNUSED)
{
	pid_t pid = victim_start(life_vfork_hangs);
	while (!page->count[0])
		sleep_ms(1);
	struct tracees t;
	struct error err = ERROR_INIT;
	int64_t start = now_us();
	assert_int_equal(tracees_stop(victims_list, &pid, 300, &t, &err), -ETIMEDOUT);
	assert_true(now_us() - start < 3000000);
	CLEANUP_STR char *name = xasprintf("pid %d (vforker)", pid);
	assert_string_equal(err.object, name);
	assert_non_null(strstr(err.why, "vfork"));
	/* the child was let go */
	assert_int_equal(page->count[1], 0);
	victims_end(pid);
}

static void life_traced(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		page->count[1] = (uint64_t)getpid();
		for (;;)
			page->count[0]++;
	}
	VICTIM_CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	page->count[2] = 1;
	for (;;)
		pause();
}

static void names_another_tracer(void **state UNUSED)
{
	pid_t pid = victim_start(life_traced);
	while (!page->count[2] || !page->count[1])
		sleep_ms(1);
	struct tracees t;
	struct error err = ERROR_INIT;
	assert_int_equal(tracees_stop(victims_list, &pid, 1000, &t, &err), -EBUSY);
	CLEANUP_STR char *name = xasprintf("pid %d (test_tracee_sta)", (int)page->count[1]);
	assert_string_equal(err.object, name);
	expect_running(0);
	victims_end(pid);
}

/* An executable of 32 bits that loops: ELF header, one program header, eb fe. */
static void life_32_bit(void)
{
	static const uint8_t elf[] = {
		0x7f, 'E',  'L',  'F',	1, 1,	 1,    0,    0,	   0,	 0,    0,    0,	   0,	 0,
		0,    2,    0,	  3,	0, 1,	 0,    0,    0,	   0x54, 0x80, 0x04, 0x08, 0x34, 0,
		0,    0,    0,	  0,	0, 0,	 0,    0,    0,	   0,	 0x34, 0,    0x20, 0,	 1,
		0,    0,    0,	  0,	0, 0,	 0,    1,    0,	   0,	 0,    0,    0,	   0,	 0,
		0,    0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08, 0x56, 0,	 0,    0,    0x56, 0,	 0,
		0,    5,    0,	  0,	0, 0,	 0x10, 0,    0,	   0xeb, 0xfe,
	};
	int fd = memfd_create("old", MFD_CLOEXEC);
	VICTIM_CHECK(write(fd, elf, sizeof(elf)) == sizeof(elf));
	char *argv[] = { "old", NULL };
	fexecve(fd, argv, argv + 1);
	page->count[0] = 1;
	for (;;)
		pause();
}

static void refuses_32_bit(void **state UNUSED)
{
	pid_t pid = victim_start(life_32_bit);
	sleep_ms(100);
	if (page->count[0]) {
		victims_end(pid);
		print_message("kernel: no 32-bit programs here\n");
		skip();
	}
	struct tracees t;
	struct error err = ERROR_INIT;
	assert_int_equal(tracees_stop(victims_list, &pid, 1000, &t, &err), -ENOTSUP);
	assert_non_null(strstr(err.object, "pid"));
	assert_int_equal(state_of(pid), 'R');
	victims_end(pid);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_group_stops, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(keeps_group_stops_of_threads, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(finds_zombies, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(stops_vfork, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(names_what_does_not_stop, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(names_another_tracer, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(refuses_32_bit, victims_setup, victims_teardown),
	};
	if (argc == 2) /* only this one */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
