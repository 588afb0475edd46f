/* SPDX-License-Identifier: Apache-2.0 */
/* test_task_privileges.c - live round trips: credentials, limits, scheduling, seccomp filters. */
#include "task_trip.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/resource.h>

static void nothing(void)
{
}

static void test_nothing(void **state)
{
	(void)state;
	round_trip(nothing, "credentials", SCOPE_THREAD);
}

static void caps_set(uint64_t e, uint64_t p, uint64_t i)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)e, (uint32_t)p, (uint32_t)i },
		{ (uint32_t)(e >> 32), (uint32_t)(p >> 32), (uint32_t)(i >> 32) },
	};
	MUST(syscall(SYS_capset, &h, d));
}

#define BIT(cap) (UINT64_C(1) << (cap))

static void be_somebody(void)
{
	gid_t groups[] = { 7, 100, 65534, 4000000000u };
	MUST(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	MUST(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0));
	MUST(prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0));
	MUST(syscall(SYS_setgroups, 4, groups));
	MUST(syscall(SYS_setresgid, 1000, 1001, 1002));
	MUST(syscall(SYS_setresuid, 2000, 2001, 2002));
	syscall(SYS_setfsuid, 2002);
	caps_set(BIT(CAP_KILL) | BIT(CAP_CHOWN), BIT(CAP_KILL) | BIT(CAP_CHOWN) | BIT(CAP_SETPCAP),
		 BIT(CAP_KILL) | BIT(CAP_CHOWN) | BIT(CAP_SYSLOG % 32));
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	caps_set(BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN), BIT(CAP_KILL) | BIT(CAP_CHOWN));
	MUST(prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0));
}

static void be_nobody(void)
{
	MUST(prctl(PR_SET_SECUREBITS,
		   SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			   SECBIT_NO_CAP_AMBIENT_RAISE,
		   0, 0, 0));
	MUST(syscall(SYS_setgroups, 0, NULL));
	MUST(syscall(SYS_setresgid, 65534, 65534, 65534));
	MUST(syscall(SYS_setresuid, 65534, 65534, 65534));
	MUST(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void test_credentials(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	round_trip(be_somebody, "pdeathsig", SCOPE_THREAD);
	round_trip(be_nobody, "credentials", SCOPE_THREAD);
}

static void set_limits(void)
{
	for (int i = 0; i < 16; i++) {
		struct rlimit l;
		MUST(getrlimit((__rlimit_resource_t)i, &l));
		/* seconds become nanoseconds somewhere; sanitizers want much address space */
		rlim_t much = (rlim_t)1 << (i == RLIMIT_CPU ? 30 : 60);
		l.rlim_cur = l.rlim_cur == RLIM_INFINITY ? much : l.rlim_cur / 2;
		l.rlim_max = l.rlim_max == RLIM_INFINITY ? 2 * much : l.rlim_max;
		MUST(setrlimit((__rlimit_resource_t)i, &l));
	}
	struct rlimit few = { 5, 9 };
	MUST(setrlimit(RLIMIT_NOFILE, &few));
	MUST(setrlimit(RLIMIT_NPROC, &few));
	MUST(setrlimit(RLIMIT_FSIZE, &few));
}

static void test_limits(void **state)
{
	(void)state;
	round_trip(set_limits, "limits", SCOPE_PROCESS);
}

static void run_on_one(void)
{
	uint64_t mask[16] = { 1 };
	MUST(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
}

static void be_nice(void)
{
	run_on_one();
	MUST(setpriority(PRIO_PROCESS, 0, 7));
	MUST(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6)));
}

static void be_batch(void)
{
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH | 0x40000000, &(int){ 0 }));
}

static void be_fifo(void)
{
	MUST(setpriority(PRIO_PROCESS, 0, -3));
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &(int){ 11 }));
}

static void be_idle(void)
{
	MUST(setpriority(PRIO_PROCESS, 0, 19));
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &(int){ 0 }));
}

/* struct sched_attr; libc has no wrapper */
static bool deadline_works(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = { 48, 6, 0, 0, 0, 1000000, 20000000, 30000000 };
	return syscall(SYS_sched_setattr, 0, &a, 0) == 0;
}

static void be_on_time(void)
{
	MUST(deadline_works() ? 0 : -1);
}

static bool works_in_a_child(bool (*probe)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(!probe());
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void test_scheduling(void **state)
{
	(void)state;
	round_trip(be_nice, "scheduling", SCOPE_THREAD);
	round_trip(be_batch, "scheduling", SCOPE_THREAD);
	round_trip(be_idle, "scheduling", SCOPE_THREAD);
	if (geteuid() == 0)
		round_trip(be_fifo, "scheduling", SCOPE_THREAD);
	if (works_in_a_child(deadline_works))
		round_trip(be_on_time, "scheduling", SCOPE_THREAD);
}

/* Denies one call with an errno, and, for a second filter, another. */
static void add_filter(int nr, int error, unsigned flags)
{
	struct sock_filter v[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { ARRAY_SIZE(v), v };
	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p));
}

/* As a container's process: filters, neither privileges nor no_new_privs. */
static void be_filtered(void)
{
	add_filter(SYS_mkdirat, EXFULL, 0);
	add_filter(SYS_mkdir, EBADE, SECCOMP_FILTER_FLAG_LOG);
	add_filter(SYS_mkdirat, EXFULL, 0);
	caps_set(BIT(CAP_KILL), BIT(CAP_KILL), 0);
}

static void be_filtered_for_ever(void)
{
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	add_filter(SYS_capset, EXFULL, 0);
	MUST(syscall(SYS_setresuid, 65534, 65534, 65534));
}

static void test_seccomp(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	round_trip(be_filtered, "seccomp", SCOPE_THREAD);
	round_trip(be_filtered_for_ever, "seccomp", SCOPE_THREAD);
}

static void be_strict(void)
{
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
}

/* Denies what the program itself needs to end, and privileges are gone. */
static void be_opaque(void)
{
	add_filter(SYS_futex, EXFULL, 0);
	add_filter(SYS_seccomp, EXFULL, 0);
	add_filter(SYS_capset, EXFULL, 0);
	caps_set(BIT(CAP_KILL), BIT(CAP_KILL), 0);
}

static void test_seccomp_suspended(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	suspended = true;
	round_trip(be_strict, "seccomp", SCOPE_THREAD);
	round_trip(be_opaque, "seccomp", SCOPE_THREAD);
	/* who may not suspend them is told so */
	const struct task_kind *kind = task_kinds[kind_at("seccomp", SCOPE_THREAD)];
	journey_begin(&trip);
	journey_there(&trip, be_strict);
	void *rec = arena_alloc(&trip.arena, kind->size);
	struct buf *told_by = &trip.there.told[kind_at("seccomp", SCOPE_THREAD)];
	check(&trip,
	      record_decode(kind->fields, told_by->data, told_by->len, &trip.arena, rec, &trip.err),
	      "seccomp");
	struct emit e = { .p = &trip.back.visit, .arena = &trip.arena, .watched = false };
	assert_int_equal(kind->emit(&e, rec, &trip.err), -ENOTSUP);
}

/* A filter that may be one of notification is refused. */
static void be_notified(void)
{
	struct sock_filter v[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { ARRAY_SIZE(v), v };
	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p));
}

static void test_notification_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	journey_begin(&trip);
	journey_there(&trip, be_notified);
	assert_int_equal(trip.c.n_refusals, 1);
	assert_non_null(strstr(trip.c.refusals[0].object, "notifies"));
	journey_end(&trip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nothing, teardown),
		cmocka_unit_test_teardown(test_credentials, teardown),
		cmocka_unit_test_teardown(test_limits, teardown),
		cmocka_unit_test_teardown(test_scheduling, teardown),
		cmocka_unit_test_teardown(test_seccomp, teardown),
		cmocka_unit_test_teardown(test_seccomp_suspended, teardown),
		cmocka_unit_test_teardown(test_notification_is_refused, teardown),
	};
	return cmocka_run_group_tests_name("task_privileges", tests, NULL, NULL);
}
