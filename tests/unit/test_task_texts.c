/* SPDX-License-Identifier: Apache-2.0 */
/* test_task_texts.c - what task kinds read without a task: texts of /proc, id maps, seccomp filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "checkpoint/kind/filter_program.h"
#include "checkpoint/kind/idmap.h"
#include "checkpoint/kind/pending.h"
#include "checkpoint/kind/privileges.h"
#include "checkpoint/kind/proc_limits.h"
#include "checkpoint/kind/proc_status.h"
#include "checkpoint/kind/proc_timers.h"
#include "sys/arch/audit.h"

static const char status[] = "Name:\tCapEff:\n"
			     "NSpid:\t4711\t12\t2\n"
			     "Groups:\t \n"
			     "SigPnd:\t0000000000000000\n"
			     "ShdPnd:\t0000000000040400\n"
			     "CapInh:\t0000000000000001\n"
			     "CapPrm:\t00000000a80425fb\n"
			     "CapEff:\t00000000a80425fb\n"
			     "CapBnd:\t00000000a80425fb\n"
			     "CapAmb:\t0000000000000001\n"
			     "NoNewPrivs:\t0\n"
			     "Seccomp:\t2\n"
			     "Cut:\t12x\n";

static void test_status(void **state)
{
	(void)state;
	uint64_t v[4], one;
	assert_int_equal(proc_status_u64(status, "CapEff", 16, &one), 0);
	assert_int_equal(one, 0xa80425fb);
	assert_int_equal(proc_status_u64(status, "Cap", 16, &one), -ENOENT);
	assert_int_equal(proc_status_u64(status, "Cut", 10, &one), -EINVAL);
	assert_int_equal(proc_status_u64("X:\t-1\n", "X", 10, &one), -EINVAL);
	assert_int_equal(proc_status_u64("X:\n", "X", 10, &one), -EINVAL);
	assert_int_equal(proc_status_u64("X:\t99999999999999999999\n", "X", 10, &one), -EINVAL);
	assert_int_equal(proc_status_list(status, "NSpid", v, 4), 3);
	assert_int_equal(v[2], 2);
	assert_int_equal(proc_status_list(status, "NSpid", v, 2), -EINVAL);
	assert_int_equal(proc_status_list(status, "Groups", v, 4), 0);
	assert_int_equal(proc_status_list("", "Groups", v, 4), -ENOENT);
}

static void test_stat(void **state)
{
	(void)state;
	int64_t v;
	static const char stat[] = "7 (a) b) (S) R 1 2 3 34816 -1 5\n";
	assert_int_equal(proc_stat_i64(stat, 4, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(proc_stat_i64(stat, PROC_STAT_SID, &v), 0);
	assert_int_equal(v, 3);
	assert_int_equal(proc_stat_i64(stat, PROC_STAT_TTY, &v), 0);
	assert_int_equal(v, 34816);
	assert_int_equal(proc_stat_i64(stat, PROC_STAT_TPGID, &v), 0);
	assert_int_equal(v, -1);
	assert_int_equal(proc_stat_i64(stat, 9, &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(proc_stat_i64(stat, 10, &v), -EINVAL);
	assert_int_equal(proc_stat_i64(stat, 3, &v), -EINVAL);
	assert_int_equal(proc_stat_i64("no brackets", 4, &v), -EINVAL);
}

/* The filter of a container, no privileges: CAP_SYS_ADMIN must wait for the filters. */
static void test_privileges(void **state)
{
	(void)state;
	struct privileges p;
	assert_int_equal(privileges_parse(status, &p), 0);
	assert_int_equal(p.bounding, 0xa80425fb);
	assert_int_equal(p.ambient, 1);
	assert_int_equal(p.seccomp, PRIVILEGES_SECCOMP_FILTER);
	assert_true(privileges_late(&p));
	p.no_new_privs = true;
	assert_false(privileges_late(&p));
	p.no_new_privs = false;
	p.effective |= PRIVILEGES_ADMIN;
	assert_false(privileges_late(&p));
	p.effective = 0;
	p.seccomp = PRIVILEGES_SECCOMP_STRICT; /* takes no privilege */
	assert_false(privileges_late(&p));
	assert_int_equal(privileges_parse("NoNewPrivs:\t0\n", &p), -EINVAL);
	/* 18 is SIGCONT, 19 SIGSTOP: bit 18 */
	assert_true(pending_stop(status));
	assert_false(pending_stop("SigPnd:\t0000000000020000\nShdPnd:\t0\n"));
}

static void test_limits(void **state)
{
	(void)state;
	struct buf text = BUF_INIT;
	struct proc_limit v[PROC_LIMITS_N];
	assert_int_equal(file_read(-1, "/proc/self/limits", 65536, &text), 0);
	assert_int_equal(proc_limits_parse(buf_str(&text), v), 0);
	for (int i = 0; i < PROC_LIMITS_N; i++) {
		struct rlimit l;
		assert_int_equal(getrlimit((__rlimit_resource_t)i, &l), 0);
		assert_int_equal(v[i].soft, l.rlim_cur);
		assert_int_equal(v[i].hard, l.rlim_max);
	}
	assert_string_equal(proc_limit_name(RLIMIT_NOFILE), "RLIMIT_NOFILE");
	/* one is missing, one is unknown, one is no number */
	char *cut = strstr(text.data, "Max open files");
	char *next = strchr(cut, '\n') + 1;
	struct buf less = BUF_INIT;
	buf_add(&less, text.data, (size_t)(cut - text.data));
	buf_puts(&less, next);
	assert_int_equal(proc_limits_parse(buf_str(&less), v), -EINVAL);
	cut[4] = 'O';
	assert_int_equal(proc_limits_parse(buf_str(&text), v), -EINVAL);
	assert_int_equal(proc_limits_parse("", v), -EINVAL);
	buf_done(&less);
	buf_done(&text);
}

static void test_timers(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena arena = { 0 };
	struct proc_timer *v;
	size_t n;
	assert_int_equal(proc_timers_parse("ID: 7\nsignal: 60/00007fff86e452a8\n"
					   "notify: signal/pid.2634\nClockID: 0\n"
					   "ID: 1\nsignal: 32/0000000000000001\n"
					   "notify: signal/tid.2634\nClockID: -6\n"
					   "ID: 2\nsignal: 0/0000000000000000\n"
					   "notify: none/pid.3\nClockID: 1\n",
					   &arena, &v, &n),
			 0);
	assert_int_equal(n, 3);
	assert_int_equal(v[0].id, 1);
	assert_int_equal(v[0].notify, 4);
	assert_int_equal(v[0].target, 2634);
	assert_int_equal(v[0].clock, -6);
	assert_int_equal(v[1].notify, SIGEV_NONE);
	assert_int_equal(v[2].id, 7);
	assert_int_equal(v[2].signal, 60);
	assert_true(v[2].value == 0x7fff86e452a8);
	assert_int_equal(proc_timers_parse("", &arena, &v, &n), 0);
	assert_int_equal(n, 0);
	static const char *const bad[] = {
		"ID: 1\n",
		"signal: 1/2\n",
		"ID: x\nsignal: 1/2\nnotify: signal/pid.1\nClockID: 1\n",
		"ID: 1\nsignal: 1\nnotify: signal/pid.1\nClockID: 1\n",
		"ID: 1\nsignal: 1/2\nnotify: shout/pid.1\nClockID: 1\n",
		"ID: 1\nsignal: 1/2\nnotify: signal/gid.1\nClockID: 1\n",
		"ID: 1\nsignal: 1/2\nnotify: signal/pid.1\nClockID: 1\nMore: 1\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(proc_timers_parse(bad[i], &arena, &v, &n), -EINVAL);
}

static void test_idmap(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena arena = { 0 };
	struct idmap m;
	assert_int_equal(
		idmap_parse("         0     100000      65536\n     65536       1000          1\n",
			    &arena, &m),
		0);
	assert_true(idmap_has(&m, 0) && idmap_has(&m, 65535) && idmap_has(&m, 65536));
	assert_false(idmap_has(&m, 65537));
	assert_int_equal(idmap_parse("0 0 4294967295\n", &arena, &m), 0);
	assert_true(idmap_has(&m, 4294967294u));
	assert_int_equal(idmap_parse("0 0\n", &arena, &m), -EINVAL);
}

#define LOAD(field)	  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value)	  BPF_STMT(BPF_RET | BPF_K, value)
#define JUMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)

static void test_filter(void **state)
{
	(void)state;
	static const struct sock_filter deny[] = {
		LOAD(arch),
		JUMP(BPF_JEQ, ARCH_AUDIT, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		JUMP(BPF_JEQ, SYS_capset, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		JUMP(BPF_JGE, 400, 0, 1),
		RETURN(SECCOMP_RET_LOG),
		RETURN(SECCOMP_RET_ALLOW),
	};
	size_t n = ARRAY_SIZE(deny);
	assert_false(filter_program_allows(deny, n, SYS_capset));
	assert_true(filter_program_allows(deny, n, SYS_futex));
	assert_true(filter_program_allows(deny, n, 401));
	assert_true(filter_program_may_return(deny, n, SECCOMP_RET_ERRNO));
	assert_false(filter_program_may_return(deny, n, SECCOMP_RET_USER_NOTIF));
	struct seccomp_data other = { .nr = SYS_futex, .arch = 1 };
	assert_int_equal(filter_program_run(deny, n, &other), SECCOMP_RET_KILL_PROCESS);
	/* arithmetic on an argument, scratch memory, the accumulator's return */
	static const struct sock_filter sum[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
		BPF_STMT(BPF_ST, 15),
		BPF_STMT(BPF_LDX | BPF_MEM, 15),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct seccomp_data seven = { .args = { 7 } };
	assert_int_equal(filter_program_run(sum, ARRAY_SIZE(sum), &seven), 42);
	assert_true(filter_program_may_return(sum, ARRAY_SIZE(sum), SECCOMP_RET_USER_NOTIF));
}

/* What nobody has checked is a filter that kills, whatever it does. */
static void test_filter_malformed(void **state)
{
	(void)state;
	struct seccomp_data d = { 0 };
	static const struct sock_filter bad[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
		BPF_STMT(BPF_LD | BPF_MEM, 16),
		BPF_STMT(BPF_ST, 16),
		BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff),
		BPF_STMT(BPF_JMP | BPF_JA, 0),
		JUMP(BPF_JEQ, 0, 255, 255),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0),
		BPF_STMT(0xffff, 0),
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(filter_program_run(&bad[i], 1, &d), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(filter_program_run(bad, 0, &d), SECCOMP_RET_KILL_PROCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),	   cmocka_unit_test(test_stat),
		cmocka_unit_test(test_privileges), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_timers),	   cmocka_unit_test(test_idmap),
		cmocka_unit_test(test_filter),	   cmocka_unit_test(test_filter_malformed),
	};
	return cmocka_run_group_tests_name("task_texts", tests, NULL, NULL);
}
