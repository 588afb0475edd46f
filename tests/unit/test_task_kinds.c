/* SPDX-License-Identifier: Apache-2.0 */
/* test_task_kinds.c - live round trips: signals, timers, terminals and what prctl(2) sets. */
#include "task_trip.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "checkpoint/kind/proc_status.h"
#include "checkpoint/kind/task/rseq.h"

static void nothing(void)
{
}

static void handler(int sig, siginfo_t *info, void *ucontext)
{
	(void)sig;
	(void)info;
	(void)ucontext;
}

static void set_signals(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigfillset(&sa.sa_mask);
	MUST(sigaction(SIGUSR1, &sa, NULL));
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	MUST(sigaction(SIGRTMAX, &sa, NULL));
	MUST(sigaction(SIGCHLD, &sa, NULL));
	MUST(signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0);
	struct sigaction nowait = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
	MUST(sigaction(SIGURG, &nowait, NULL));
}

static void test_signals(void **state)
{
	(void)state;
	round_trip(set_signals, "signals", SCOPE_PROCESS);
}

static void ignore_some(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	setpriority(PRIO_PROCESS, 0, 1);
}

/* What a task was born with is set back, when the image has it otherwise. */
static void test_inherited(void **state)
{
	(void)state;
	before_back = ignore_some;
	round_trip(nothing, NULL, SCOPE_PROCESS);
	before_back = NULL;
	signal(SIGHUP, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	setpriority(PRIO_PROCESS, 0, 0);
}

static char stack[65536];

static void set_altstack(void)
{
	stack_t s = { .ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = (int)(1u << 31) };
	MUST(sigaltstack(&s, NULL));
}

static void test_altstack(void **state)
{
	(void)state;
	round_trip(set_altstack, "altstack", SCOPE_THREAD);
}

static void queue_signals(void)
{
	sigset_t all;
	sigfillset(&all);
	MUST(sigprocmask(SIG_BLOCK, &all, NULL));
	pid_t self = getpid();
	MUST(kill(self, SIGUSR1));
	MUST(kill(self, SIGCONT));
	for (int i = 0; i < 40; i++)
		MUST(sigqueue(self, SIGRTMIN + 3, (union sigval){ .sival_int = i }));
	MUST(sigqueue(self, SIGRTMIN + 1, (union sigval){ .sival_ptr = stack }));
	MUST(syscall(SYS_tgkill, self, self, SIGUSR1));
	siginfo_t info = { .si_signo = SIGCHLD, .si_code = CLD_DUMPED };
	info.si_pid = 7;
	info.si_uid = 8;
	info.si_status = 9;
	MUST(syscall(SYS_rt_sigqueueinfo, self, SIGCHLD, &info));
	siginfo_t fault = { .si_signo = SIGSEGV, .si_code = SEGV_ACCERR, .si_addr = stack };
	MUST(syscall(SYS_rt_tgsigqueueinfo, self, self, SIGSEGV, &fault));
	siginfo_t odd = { .si_signo = SIGRTMAX, .si_code = -77 };
	odd.si_value.sival_int = 5;
	MUST(syscall(SYS_rt_tgsigqueueinfo, self, self, SIGRTMAX, &odd));
}

static void test_pending(void **state)
{
	(void)state;
	journey_run(&trip, queue_signals);
	told(&trip, "sigpending", SCOPE_THREAD);
	told(&trip, "sigpending_shared", SCOPE_PROCESS);
	journey_compare(&trip);
	/* all of them: 128 bytes each, SIGCHLD, SIGUSR1, SIGCONT, 41 queued; SIGUSR1, SIGSEGV, SIGRTMAX */
	assert_true(trip.there.told[kind_at("sigpending_shared", SCOPE_PROCESS)].len > 44 * 128);
	assert_in_range(trip.there.told[kind_at("sigpending", SCOPE_THREAD)].len, 3 * 128,
			3 * 128 + 32);
	journey_end(&trip);
}

/* A timer as its record has it. */
struct timer_view {
	int32_t id, signal, notify, clock, thread;
	uint64_t value, left, interval;
};

struct timers_view {
	struct list timers;
};

static const struct field timer_fields[] = {
	FIELD(struct timer_view, id, I32),
	FIELD(struct timer_view, signal, I32),
	FIELD(struct timer_view, notify, I32),
	FIELD(struct timer_view, clock, I32),
	FIELD(struct timer_view, thread, I32, .optional = true),
	FIELD(struct timer_view, value, U64, .optional = true),
	FIELD(struct timer_view, left, U64, .optional = true),
	FIELD(struct timer_view, interval, U64, .optional = true),
	FIELDS_END,
};

static const struct field timers_fields[] = {
	FIELD(struct timers_view, timers, LIST, .max = 100, .fields = timer_fields,
	      .size = sizeof(struct timer_view)),
	FIELDS_END,
};

static int make_timer(int clock, int notify, int sig, void *value, long sec, long interval)
{
	struct sigevent ev = { .sigev_notify = notify,
			       .sigev_signo = sig,
			       .sigev_value.sival_ptr = value };
	struct itimerspec its = { .it_value.tv_sec = sec, .it_interval.tv_sec = interval };
	int id;
	if (notify & 4)
		((int *)&ev)[4] = (int)syscall(SYS_gettid);
	MUST(syscall(SYS_timer_create, clock, &ev, &id));
	MUST(syscall(SYS_timer_settime, id, 0, &its, NULL));
	return id;
}

static void set_timers(void)
{
	make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, stack, 1000, 0);
	int gap = make_timer(CLOCK_REALTIME, SIGEV_NONE, 0, NULL, 0, 0);
	make_timer(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 2, NULL, 500, 7);
	make_timer(CLOCK_BOOTTIME, SIGEV_NONE, 0, NULL, 60, 60);
	make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGPROF, NULL, 100, 0);
	MUST(syscall(SYS_timer_delete, gap));
	for (int i = 0; i < 20; i++)
		MUST(syscall(SYS_timer_delete,
			     make_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, NULL, 0, 0)));
	make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGALRM, NULL, 0, 0); /* not set */
	struct itimerval v = { { 3, 500000 }, { 400, 0 } };
	MUST(setitimer(ITIMER_REAL, &v, NULL));
	MUST(setitimer(ITIMER_PROF, &v, NULL));
}

static void timers_decode(struct journey *j, const struct buf *told_by, struct timers_view *ret)
{
	check(j, record_decode(timers_fields, told_by->data, told_by->len, &j->arena, ret, &j->err),
	      "timers");
}

static void test_timers(void **state)
{
	(void)state;
	struct timers_view a, b;
	journey_run(&trip, set_timers);
	told(&trip, "itimers", SCOPE_PROCESS);
	size_t k = kind_at("timers", SCOPE_PROCESS);
	timers_decode(&trip, &trip.there.told[k], &a);
	timers_decode(&trip, &trip.back.told[k], &b);
	assert_int_equal(a.timers.n, 5);
	assert_int_equal(b.timers.n, 5);
	for (size_t i = 0; i < a.timers.n; i++) {
		struct timer_view x = ((struct timer_view *)a.timers.v)[i];
		struct timer_view y = ((struct timer_view *)b.timers.v)[i];
		assert_in_range(y.left, x.left > 5000000000 ? x.left - 5000000000 : 0, x.left);
		assert_true((x.left == 0) == (y.left == 0));
		x.left = y.left;
		assert_memory_equal(&x, &y, sizeof(x));
	}
	assert_int_equal(((struct timer_view *)a.timers.v)[4].id, 25);
	journey_compare(&trip);
	journey_end(&trip);
}

/* A periodic timer whose signal is pending goes on when it is taken. */
static void set_expired_itimer(void)
{
	sigset_t all;
	sigfillset(&all);
	MUST(sigprocmask(SIG_BLOCK, &all, NULL));
	struct itimerval v = { { 1000, 0 }, { 0, 1 } };
	MUST(setitimer(ITIMER_REAL, &v, NULL));
	while (sigtimedwait(&all, NULL, &(struct timespec){ 0, 0 }) == SIGALRM)
		;
	MUST(setitimer(ITIMER_REAL, &v, NULL));
	usleep(20000);
}

static void test_expired_itimer(void **state)
{
	(void)state;
	journey_run(&trip, set_expired_itimer);
	told(&trip, "itimers", SCOPE_PROCESS);
	told(&trip, "sigpending_shared", SCOPE_PROCESS);
	size_t pending = kind_at("sigpending_shared", SCOPE_PROCESS);
	size_t k = kind_at("itimers", SCOPE_PROCESS);
	/* one SIGALRM, and the same timer: no time left, the interval kept */
	assert_int_equal(trip.back.told[pending].len, trip.there.told[pending].len);
	assert_int_equal(trip.back.told[k].len, trip.there.told[k].len);
	assert_memory_equal(trip.back.told[k].data, trip.there.told[k].data, trip.back.told[k].len);
	journey_end(&trip);
}

static void set_attributes(void)
{
	MUST(prctl(PR_SET_TIMERSLACK, 123456, 0, 0, 0));
	MUST(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	MUST(prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0));
	MUST(prctl(PR_SET_NAME, "a name \xff) R 1", 0, 0, 0));
	MUST(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	MUST(syscall(SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */));
	IGNORE_RESULT(file_write(-1, "/proc/self/coredump_filter", "0x7"));
	IGNORE_RESULT(file_write(-1, "/proc/self/oom_score_adj", "321"));
}

static void test_attributes(void **state)
{
	(void)state;
	round_trip(set_attributes, "x86", SCOPE_THREAD);
}

/* It would keep the other child from mapping the program. */
static void test_mdwe(void **state)
{
	(void)state;
	if (prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) < 0)
		skip();
	size_t k = kind_at("mdwe", SCOPE_PROCESS);
	uint32_t flags = 1;
	journey_begin(&trip);
	subject_start(&trip, &trip.back, NULL);
	struct emit e = { .p = &trip.back.visit, .arena = &trip.arena, .fd = no_fd };
	check(&trip, task_kinds[k]->emit(&e, &flags, &trip.err), "mdwe");
	subject_ask(&trip, &trip.back, &trip.back.facts);
	subject_run(&trip, &trip.back);
	subject_collect(&trip, &trip.back, false);
	struct buf json = BUF_INIT;
	assert_string_equal(told_json("mdwe", &trip.back.told[k], &json), "{\"flags\": 1}");
	buf_done(&json);
}

/* The kernel's own abort of a critical section, done on registers. */
static void test_rseq_section(void **state)
{
	(void)state;
	if (!__rseq_size)
		skip();
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} __attribute__((aligned(32))) section = { 0, 0, 0x400000, 0x20, 0x500000 };
	pid_t pid = fork();
	if (pid == 0) {
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	uint64_t cs = (uint64_t)(uintptr_t)&section;
	struct iovec local = { &cs, 8 }, remote = { (void *)(uintptr_t)&area->rseq_cs, 8 };
	assert_int_equal(process_vm_writev(pid, &local, 1, &remote, 1, 0), 8);
	struct tracee t = { .tid = pid, .tgid = pid };
	struct user_regs_struct regs = { .fs_base = (uint64_t)__builtin_thread_pointer() };
	static const struct {
		uint64_t rip, wanted;
	} v[] = { { 0x3fffff, 0x3fffff },
		  { 0x400000, 0x500000 },
		  { 0x40001f, 0x500000 },
		  { 0x400020, 0x400020 },
		  { 0x500000, 0x500000 } };
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		regs.rip = v[i].rip;
		assert_int_equal(rseq_fix(&t, &regs), v[i].rip != v[i].wanted);
		assert_int_equal(regs.rip, v[i].wanted);
	}
	program_end(pid);
}

/* ---- a session and its terminal ---- */

static int terminal_master = FD_NONE;

static void lead_session(void)
{
	MUST(setsid());
	int slave = ioctl(terminal_master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	MUST(slave);
	MUST(ioctl(slave, TIOCSCTTY, 0));
	MUST(dup2(slave, 77));
	MUST(close(slave));
}

struct terminal_view {
	uint64_t file;
	int32_t foreground;
};

static int fd_78(void *arg, uint64_t id)
{
	(void)arg;
	return id == 1 ? 78 : -ENOENT;
}

/* The second child has the slave of another pair at 78, and a session, as the tree makes it. */
static void be_leader(void)
{
	if (terminal_master >= 0)
		close(terminal_master);
	terminal_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	unlockpt(terminal_master);
	int slave = ioctl(terminal_master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	dup2(slave, 78);
	close(slave);
}

static void test_terminal(void **state)
{
	(void)state;
	int64_t tty, group;
	terminal_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(unlockpt(terminal_master), 0);
	journey_begin(&trip);
	trip.c.objects = objects_new();
	journey_there(&trip, lead_session);
	told(&trip, "terminal", SCOPE_PROCESS);
	size_t k = kind_at("terminal", SCOPE_PROCESS);
	struct terminal_view rec;
	check(&trip,
	      record_decode(task_kinds[k]->fields, trip.there.told[k].data, trip.there.told[k].len,
			    &trip.arena, &rec, &trip.err),
	      "terminal");
	assert_int_equal(rec.foreground, trip.there.pid);
	/* one that it has open already, and no other */
	const struct object *o = objects_by_id(trip.c.objects, OBJECT_FILE, rec.file);
	assert_non_null(o);
	assert_int_equal(o->holders[0].number, 77);
	assert_int_equal(trip.c.n_queue, 1);

	be_leader();
	subject_start(&trip, &trip.back, NULL);
	struct emit e = { .p = &trip.back.visit, .arena = &trip.arena, .fd = fd_78 };
	program_call(&trip.back.visit, SYS_setsid);
	rec.foreground = trip.back.pid;
	check(&trip, task_kinds[k]->emit(&e, &rec, &trip.err), "terminal");
	subject_run(&trip, &trip.back);
	assert_int_equal(proc_stat_i64(trip.back.facts.stat, PROC_STAT_TTY, &tty), 0);
	assert_int_equal(proc_stat_i64(trip.back.facts.stat, PROC_STAT_TPGID, &group), 0);
	assert_int_equal(tty >> 8 & 0xfff, 136);
	assert_int_equal(group, trip.back.pid);
	objects_free(trip.c.objects);
	close(78);
	close(terminal_master);
}

/* Records of a hostile image are refused, not obeyed. */
static void test_bad_records(void **state)
{
	(void)state;
	journey_begin(&trip);
	struct emit e = { .p = &trip.back.visit, .arena = &trip.arena, .fd = no_fd };
	uint64_t v[3] = { 1, 2, 3 };
	struct u64s three = { v, 3 };
	const struct task_kind *limits = task_kinds[kind_at("limits", SCOPE_PROCESS)];
	assert_int_equal(limits->emit(&e, &three, &trip.err), -EBADMSG);
	struct timer_view timers[2] = { { .id = 3 }, { .id = 2 } };
	struct timers_view list = { { timers, 2 } };
	const struct task_kind *kind = task_kinds[kind_at("timers", SCOPE_PROCESS)];
	assert_int_equal(kind->emit(&e, &list, &trip.err), -EBADMSG);
	struct bytes half = { v, 24 };
	kind = task_kinds[kind_at("sigpending", SCOPE_THREAD)];
	assert_int_equal(kind->emit(&e, &half, &trip.err), -EBADMSG);
	siginfo_t kill_info = { .si_signo = SIGKILL };
	struct bytes one = { &kill_info, sizeof(kill_info) };
	assert_int_equal(kind->emit(&e, &one, &trip.err), -EBADMSG);
	uint64_t file = 7;
	kind = task_kinds[kind_at("terminal", SCOPE_PROCESS)];
	assert_int_equal(kind->emit(&e, (uint64_t[2]){ file }, &trip.err), -EBADMSG);
	journey_end(&trip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {

		cmocka_unit_test_teardown(test_signals, teardown),
		cmocka_unit_test_teardown(test_inherited, teardown),
		cmocka_unit_test_teardown(test_altstack, teardown),
		cmocka_unit_test_teardown(test_pending, teardown),
		cmocka_unit_test_teardown(test_timers, teardown),
		cmocka_unit_test_teardown(test_expired_itimer, teardown),

		cmocka_unit_test_teardown(test_attributes, teardown),
		cmocka_unit_test_teardown(test_mdwe, teardown),

		cmocka_unit_test_teardown(test_rseq_section, teardown),
		cmocka_unit_test_teardown(test_terminal, teardown),
		cmocka_unit_test_teardown(test_bad_records, teardown),
	};
	return cmocka_run_group_tests_name("task_kinds", tests, NULL, NULL);
}
