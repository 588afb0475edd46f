/* SPDX-License-Identifier: Apache-2.0 */
/* test_proc.c - the readers of /proc/PID: parsers on given texts, readers on processes made here. */
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
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "proc/process.h"

#define STAT_TAIL                                                                                  \
	" 34816 100 4194304 100 0 0 0 7 9 0 0 20 0 3 0 184687 3133440 408 18446744073709551615 "   \
	"94575946330112 94575946349993 140725447961184 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"

static const char status_text[] = "Name:\tbash\n"
				  "Umask:\t0022\n"
				  "State:\tS (sleeping)\n"
				  "Tgid:\t4711\n"
				  "Ngid:\t0\n"
				  "Pid:\t4711\n"
				  "PPid:\t4700\n"
				  "TracerPid:\t0\n"
				  "Uid:\t1000\t1001\t1002\t1003\n"
				  "Gid:\t0\t0\t0\t0\n"
				  "Groups:\t1 2 3 \n"
				  "NStgid:\t4711\t12\t2\n"
				  "NSpid:\t4711\t12\t2\n"
				  "NSpgid:\t4700\t0\t0\n"
				  "NSsid:\t4699\t11\t0\n"
				  "VmPeak:\t    3060 kB\n"
				  "Threads:\t3\n";

static void test_stat(void **state)
{
	(void)state;
	struct proc_process p = { 0 };
	assert_int_equal(proc_parse_stat("4711 (bash) S 4700 4699 4698" STAT_TAIL, &p), 0);
	assert_int_equal(p.pid, 4711);
	assert_string_equal(p.comm, "bash");
	assert_int_equal(p.state, 'S');
	assert_int_equal(p.ppid, 4700);
	assert_int_equal(p.pgrp, 4699);
	assert_int_equal(p.sid, 4698);
	assert_int_equal(p.tty, 34816);
	assert_int_equal(p.utime, 7);
	assert_int_equal(p.stime, 9);
	assert_int_equal(p.threads, 3);
	assert_int_equal(p.start, 184687);
	assert_int_equal(p.vsize, 3133440);
	assert_int_equal(p.rss, 408 * sysconf(_SC_PAGESIZE));
}

static void test_stat_names(void **state)
{
	(void)state;
	static const struct {
		const char *text, *comm;
	} rows[] = {
		{ "1 () S 0 1 1" STAT_TAIL, "" },
		{ "1 (a) b (c)) S 0 1 1" STAT_TAIL, "a) b (c)" },
		{ "1 () R 2 3 4 5 6 7) S 0 1 1" STAT_TAIL, ") R 2 3 4 5 6 7" },
		{ "1 (a\\nb\\\\n) S 0 1 1" STAT_TAIL, "a\nb\\n" },
		{ "1 (kworker/u8:0-events_unbound_and_a_name_that_is_longer_than_sixty_four) S 0 1 "
		  "1" STAT_TAIL,
		  "kworker/u8:0-events_unbound_and_a_name_that_is_longer_than_sixt" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proc_process p = { 0 };
		assert_int_equal(proc_parse_stat(rows[i].text, &p), 0);
		assert_string_equal(p.comm, rows[i].comm);
		assert_int_equal(p.sid, 1);
	}
}

static void test_stat_of_reaped(void **state)
{
	(void)state;
	struct proc_process p = { 0 };
	assert_int_equal(
		proc_parse_stat("9 (x) X 0 -1 -1 0 -1 4227084 0 0 0 0 0 0 0 0 20 0 0 0 5 0 0 0",
				&p),
		0);
	assert_int_equal(p.pgrp, 0);
	assert_int_equal(p.sid, 0);
	assert_int_equal(p.start, 5);
}

static void test_stat_bad(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"bash",
		"0 (x) S 0 1 1" STAT_TAIL,
		"-1 (x) S 0 1 1" STAT_TAIL,
		"1 x S 0 1 1" STAT_TAIL,
		"1 (x S 0 1 1" STAT_TAIL,
		"1 (x) S",
		"1 (x) S 0 1 1",
		"1 (x) S 0 1 1 0 0 0 0 0 0 0 1 1 0 0 20 0 1 0 77 5",
		"1 (x) SS 0 1 1" STAT_TAIL,
		"1 (x) S 99999999999 1 1" STAT_TAIL,
		"1 (x) S 0x1 1 1" STAT_TAIL,
		"99999999999999999999 (x) S 0 1 1" STAT_TAIL,
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct proc_process p = { .pid = 77 };
		assert_int_equal(proc_parse_stat(bad[i], &p), -EINVAL);
		assert_int_equal(p.pid, 77);
	}
}

static void test_status(void **state)
{
	(void)state;
	struct proc_process p = { 0 };
	assert_int_equal(proc_parse_status(status_text, &p), 0);
	assert_int_equal(p.pid, 4711);
	assert_int_equal(p.tgid, 4711);
	assert_int_equal(p.ppid, 4700);
	assert_int_equal(p.ruid, 1000);
	assert_int_equal(p.uid, 1001);
	assert_int_equal(p.threads, 3);
	assert_int_equal(p.n_levels, 3);
	assert_int_equal(p.nspid[2], 2);
	assert_int_equal(p.nstgid[1], 12);
	assert_int_equal(p.nspgid[0], 4700);
	assert_int_equal(p.nspgid[2], 0);
	assert_int_equal(p.nssid[1], 11);
}

/* The deepest namespace that the kernel allows has 33 numbers; one more cannot be. */
static void test_status_levels(void **state)
{
	(void)state;
	for (int levels = PROC_MAX_LEVELS; levels <= PROC_MAX_LEVELS + 1; levels++) {
		CLEANUP_BUF struct buf b = BUF_INIT;
		buf_puts(&b, "Tgid:\t9\nPid:\t9\nPPid:\t1\nUid:\t0\t0\t0\t0\n");
		static const char *const keys[] = { "NStgid", "NSpid", "NSpgid", "NSsid" };
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			buf_printf(&b, "%s:", keys[k]);
			for (int i = 0; i < levels; i++)
				buf_printf(&b, "\t%d", 100 * (int)k + i + 1);
			buf_puts(&b, "\n");
		}
		struct proc_process p = { 0 };
		int r = proc_parse_status(buf_str(&b), &p);
		assert_int_equal(r, levels == 33 ? 0 : -EINVAL);
		if (r == 0) {
			assert_int_equal(p.n_levels, 33);
			assert_int_equal(p.nspid[32], 133);
			assert_int_equal(p.nssid[32], 333);
		}
	}
}

static void test_status_without_namespaces(void **state)
{
	(void)state;
	struct proc_process p = { .pgrp = 8, .sid = 7 };
	assert_int_equal(proc_parse_status("Tgid:\t9\nPid:\t9\nPPid:\t1\nUid:\t0\t0\t0\t0\n", &p),
			 0);
	assert_int_equal(p.n_levels, 1);
	assert_int_equal(p.nspid[0], 9);
	assert_int_equal(p.nspgid[0], 8);
	assert_int_equal(p.nssid[0], 7);
}

static void test_status_bad(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"Name:\tx\n",
		"Tgid:\t9\nPid:\t9\nPPid:\t1\n",				 /* no Uid */
		"Tgid:\t9\nPid:\tx\nPPid:\t1\nUid:\t0\t0\t0\t0\n",		 /* not a number */
		"Tgid:\t9\nPid:\t9\nPPid:\t1\nUid:\t0\n",			 /* half a Uid */
		"Tgid:\t9\nPid:\t9\nPPid:\t-1\nUid:\t0\t0\t0\t0\n",		 /* negative */
		"Tgid:\t9\nPid:\t9\nPPid:\t1\nUid:\t0\t4294967296\t0\t0\n",	 /* too big */
		"Tgid:\t9\nPid:\t9\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t9\t1\n", /* levels differ */
		"Tgid:\t9\nPid:\t9\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct proc_process p = { .pid = 77 };
		assert_int_equal(proc_parse_status(bad[i], &p), -EINVAL);
		assert_int_equal(p.pid, 77);
	}
}

static void test_read_self(void **state)
{
	(void)state;
	struct proc_process p;
	assert_int_equal(proc_read(getpid(), &p), 0);
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.tgid, getpid());
	assert_int_equal(p.ppid, getppid());
	assert_int_equal(p.pgrp, getpgrp());
	assert_int_equal(p.sid, getsid(0));
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(p.n_levels, 1);
	assert_int_equal(p.nspid[0], getpid());
	assert_int_equal(p.nspgid[0], getpgrp());
	struct stat st;
	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	assert_int_equal(p.pidns, st.st_ino);
	assert_int_equal(proc_ns_inode(0, "pid"), st.st_ino);
	assert_int_equal(proc_ns_inode(getpid(), "pid"), st.st_ino);
	assert_int_equal(proc_ns_inode(getpid(), "nonsense"), 0);
}

static void test_read_gone(void **state)
{
	(void)state;
	struct proc_process p = { .pid = 77 };
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_read(pid, &p), 0); /* a zombie is still one */
	assert_int_equal(p.state, 'Z');
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_read(pid, &p), -ESRCH);
	assert_int_equal(proc_read(0, &p), -ESRCH);
	assert_int_equal(proc_read(-1, &p), -ESRCH);
}

static void test_read_all(void **state)
{
	(void)state;
	struct proc_process *all;
	size_t n, seen = 0;
	assert_int_equal(proc_read_all(&all, &n), 0);
	assert_true(n >= 2);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || all[i].pid > all[i - 1].pid);
		seen += all[i].pid == getpid() || all[i].pid == 1;
	}
	assert_int_equal(seen, 2);
	free(all);
}

/* A process with an awkward name and an awkward command line. */
static void test_cmdline(void **state)
{
	(void)state;
	int ready[2], go[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, "a) R 1 (\nb");
		(void)!write(ready[1], "x", 1);
		close(go[1]);
		char c;
		(void)!read(go[0], &c, 1);
		char *argv[] = { "sh", "-c", "echo; read x", "one two", "esc\033[31m", "", NULL };
		char *envp[] = { NULL };
		dup2(ready[1], 1);
		dup2(go[0], 0);
		execve("/bin/sh", argv, envp);
		_exit(127);
	}
	char c;
	assert_int_equal(read(ready[0], &c, 1), 1);
	struct proc_process p;
	assert_int_equal(proc_read(pid, &p), 0);
	assert_string_equal(p.comm, "a) R 1 (\nb");
	assert_int_equal(p.ppid, getpid());
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(read(ready[0], &c, 1), 1);
	CLEANUP_BUF struct buf b = BUF_INIT;
	proc_cmdline(pid, &b);
	assert_string_equal(buf_str(&b), "sh -c echo; read x one two esc?[31m");
	close(go[1]);
	siginfo_t info; /* once it is a zombie it has but a name */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	buf_reset(&b);
	proc_cmdline(pid, &b);
	assert_string_equal(buf_str(&b), "[sh]");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	buf_reset(&b);
	proc_cmdline(pid, &b);
	assert_int_equal(b.len, 0);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
}

static void test_pidns_parent(void **state)
{
	(void)state;
	CLEANUP_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(proc_pidns_parent(null), 0);
	assert_int_equal(proc_pidns_parent(-1), 0);
	CLEANUP_FD int self = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	assert_true(self >= 0);
	assert_int_equal(proc_pidns_parent(self), 0); /* above our own: not visible */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stat_names),
		cmocka_unit_test(test_stat_of_reaped),
		cmocka_unit_test(test_stat_bad),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_levels),
		cmocka_unit_test(test_status_without_namespaces),
		cmocka_unit_test(test_status_bad),
		cmocka_unit_test(test_read_self),
		cmocka_unit_test(test_read_gone),
		cmocka_unit_test(test_read_all),
		cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_pidns_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
