/* SPDX-License-Identifier: Apache-2.0 */
/* test_traits.c - what a process is beside its numbers: parsed from given texts, read of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "proc/traits.h"

static const char *const lines[] = {
	"Umask:\t0027",
	"State:\tS (sleeping)",
	"Tgid:\t4711",
	"TracerPid:\t12",
	"Uid:\t1000\t1001\t1002\t1003",
	"Gid:\t5\t6\t7\t4294967295",
	"Groups:\t1 2 300 ",
	"CapInh:\t0000000000000001",
	"CapPrm:\t000001ffffffffff",
	"CapEff:\t0000000000000003",
	"CapBnd:\t00000000a80425fb",
	"CapAmb:\t0000000000000001",
	"NoNewPrivs:\t1",
	"Seccomp:\t2",
	"Seccomp_filters:\t3",
};
#define N_LINES (sizeof(lines) / sizeof(*lines))

/* All lines but one (-1: all), or that one replaced. */
static int parse(int but, const char *instead, struct arena *a, struct proc_traits *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	buf_puts(&text, "Name:\tUid:\\nGroups:\n");
	for (int i = 0; i < (int)N_LINES; i++)
		if (i != but || instead)
			buf_printf(&text, "%s\n", i == but ? instead : lines[i]);
	return proc_traits_parse(buf_str(&text), a, ret);
}

static void test_parse(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena a = { 0 };
	struct proc_traits t;
	assert_int_equal(parse(-1, NULL, &a, &t), 0);
	assert_int_equal(t.uids[PROC_ID_REAL], 1000);
	assert_int_equal(t.uids[PROC_ID_FILES], 1003);
	assert_int_equal(t.gids[PROC_ID_SAVED], 7);
	assert_true(t.gids[PROC_ID_FILES] == UINT32_MAX);
	assert_int_equal(t.n_groups, 3);
	assert_int_equal(t.groups[2], 300);
	assert_int_equal(t.inheritable, 1);
	assert_true(t.permitted == 0x1ffffffffff);
	assert_int_equal(t.effective, 3);
	assert_int_equal(t.bounding, 0xa80425fb);
	assert_int_equal(t.ambient, 1);
	assert_true(t.no_new_privs);
	assert_int_equal(t.seccomp, 2);
	assert_int_equal(t.umask, 027);
	assert_int_equal(t.tgid, 4711);
	assert_int_equal(t.tracer, 12);
	assert_int_equal(t.state, 'S');
}

static void test_lines_that_miss(void **state)
{
	(void)state;
	for (int i = 0; i < (int)N_LINES; i++) {
		CLEANUP_ARENA struct arena a = { 0 };
		struct proc_traits t;
		bool may = !strncmp(lines[i], "Umask", 5) || !strncmp(lines[i], "Seccomp", 7);
		assert_int_equal(parse(i, NULL, &a, &t), may ? 0 : -EINVAL);
	}
	CLEANUP_ARENA struct arena a = { 0 };
	struct proc_traits t;
	assert_int_equal(parse(0, NULL, &a, &t), 0);
	assert_int_equal(t.umask, -1);
}

static void test_bad(void **state)
{
	static const struct {
		int line;
		const char *text;
	} bad[] = {
		{ 0, "Umask:\t8" },
		{ 0, "Umask:\t77777" },
		{ 1, "State:\t" },
		{ 2, "Tgid:\tx" },
		{ 2, "Tgid:\t4294967295" },
		{ 3, "TracerPid:\t-1" },
		{ 4, "Uid:\t1\t2\t3" },
		{ 4, "Uid:\t1\t2\t3\t4294967296" },
		{ 6, "Groups:\t1 x" },
		{ 6, "Groups:\t1 99999999999" },
		{ 8, "CapPrm:\t1ffffffffffffffff" },
		{ 12, "NoNewPrivs:\tyes" },
		{ 13, "Seccomp:\t3" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CLEANUP_ARENA struct arena a = { 0 };
		struct proc_traits t = { .tgid = 77 };
		assert_int_equal(parse(bad[i].line, bad[i].text, &a, &t), -EINVAL);
		assert_int_equal(t.tgid, 77);
	}
}

static void test_kernel_thread(void **state)
{
	(void)state;
	assert_int_equal(proc_stat_is_kernel_thread("2 (k) S 0 0 0 0 -1 2129984 0 0\n"), 1);
	assert_int_equal(proc_stat_is_kernel_thread("2 (a) b) S 1 2 2 0 -1 4194304 0 0\n"), 0);
	assert_int_equal(proc_stat_is_kernel_thread("2 (k) S 0 0"), -EINVAL);
	assert_int_equal(proc_stat_is_kernel_thread(""), -EINVAL);
}

static void test_read(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena a = { 0 };
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct proc_traits t;
	assert_int_equal(proc_traits_read(proc, getpid(), &a, &t), 0);
	assert_int_equal(t.tgid, getpid());
	assert_int_equal(t.uids[PROC_ID_EFFECTIVE], geteuid());
	assert_int_equal(t.n_groups, getgroups(0, NULL));
	assert_int_equal(proc_is_kernel_thread(proc, getpid()), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_traits_read(proc, pid, &a, &t), -ESRCH);
	assert_int_equal(proc_is_kernel_thread(proc, pid), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_lines_that_miss),
		cmocka_unit_test(test_bad),   cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
