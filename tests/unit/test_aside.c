/* SPDX-License-Identifier: Apache-2.0 */
/* test_aside.c - what is done aside is done, whatever happens to the one who asked for it. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkpoint/kind/aside.h"

static int change_much(void *arg)
{
	char *text = arg;
	strcpy(text, "seen");
	aside_become(12, 34, NULL, 0);
	(void)umask(077);
	return chdir("/proc") == 0 && geteuid() == 12 && getegid() == 34 ? 42 : -1;
}

static void test_memory_is_shared_and_no_more(void **state)
{
	char text[8] = "", before[256], after[256];
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(getcwd(before, sizeof(before)));
	mode_t mask = umask(022);
	assert_int_equal(aside_run(change_much, text), 42);
	assert_string_equal(text, "seen");
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(before, after);
	assert_int_equal(geteuid(), 0);
	assert_int_equal(umask(mask), 022);
}

static int open_null(void *arg)
{
	(void)arg;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void test_descriptors_are_shared(void **state)
{
	(void)state;
	int fd = aside_run(open_null, NULL);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static int tell_pid(void *arg)
{
	*(pid_t *)arg = getpid();
	return 0;
}

static void test_number_is_chosen(void **state)
{
	pid_t told = 0, wanted = fork();
	(void)state;
	if (geteuid() != 0)
		skip();
	if (wanted == 0)
		_exit(0);
	assert_int_equal(waitpid(wanted, NULL, 0), wanted);
	assert_int_equal(aside_as(wanted, tell_pid, &told), 0);
	assert_int_equal(told, wanted);
	assert_int_equal(aside_as(getpid(), tell_pid, &told), 0); /* taken: any other */
	assert_true(told > 0 && told != getpid());
	assert_int_equal(waitpid(-1, NULL, __WALL), -1); /* nobody is left to be waited for */
}

static int enter_and_tell(void *arg, struct error *err)
{
	(void)err;
	return tell_pid(arg);
}

static void test_namespaces_are_entered(void **state)
{
	pid_t told = 0;
	char c;
	int up[2];
	(void)state;
	assert_int_equal(pipe(up), 0);
	pid_t child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET) < 0)
			_exit(write(up[1], "n", 1) != 1);
		pid_t init = fork();
		if (init == 0) {
			pause();
			_exit(0);
		}
		if (write(up[1], "y", 1) != 1 || write(up[1], &init, sizeof(init)) != sizeof(init))
			_exit(1);
		waitpid(init, NULL, 0);
		_exit(0);
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	if (c == 'n')
		skip();
	pid_t init;
	struct error err = ERROR_INIT;
	assert_int_equal(read(up[0], &init, sizeof(init)), sizeof(init));
	assert_int_equal(aside_enter(init, enter_and_tell, &told, &err), 0);
	assert_int_equal(told, 2); /* the second one there */
	assert_int_equal(kill(init, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static int slow(void *arg)
{
	const int *up = arg;
	const struct timespec pause_ms = { .tv_nsec = 200 * 1000000 };
	if (write(up[1], "a", 1) != 1)
		return -1;
	nanosleep(&pause_ms, NULL);
	return write(up[1], "b", 1) == 1 ? 0 : -1;
}

/* Killed in the middle of it: it is finished all the same. */
static void test_goes_on_when_we_are_killed(void **state)
{
	int up[2];
	char c = 0;
	(void)state;
	assert_int_equal(pipe(up), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(aside_run(slow, up) != 0);
	assert_int_equal(close(up[1]), 0);
	assert_int_equal(read(up[0], &c, 1), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(read(up[0], &c, 1), 1);
	assert_int_equal(c, 'b');
	assert_int_equal(read(up[0], &c, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_shared_and_no_more),
		cmocka_unit_test(test_descriptors_are_shared),
		cmocka_unit_test(test_number_is_chosen),
		cmocka_unit_test(test_namespaces_are_entered),
		cmocka_unit_test(test_goes_on_when_we_are_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
