/* SPDX-License-Identifier: Apache-2.0 */
/* test_tracee_run.c - calls and programs in stopped threads, and what restore does with parked ones. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "program_harness.h"
#include "tracee_harness.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static int64_t call(struct tracee *t, uint32_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	struct error err = ERROR_INIT;
	int64_t r = tracee_call(t, nr, (uint64_t[6]){ a, b, c }, &err);
	if (err.err)
		stop_failed(&err);
	assert_int_equal(err.err, 0);
	return r;
}

/* ---- calls ---- */

/* Registers are watched over: a loop that counts in some, and sums in vector registers. */
static void life_registers(void)
{
	for (;;) {
		uint64_t a = 0x1111, b = 0x2222, c = 0x3333, d = 0x4444;
		double x = 1, y = 0.5, z = 3;
		for (int i = 0; i < 1000; i++)
			__asm__ volatile("add $1, %0; add $1, %1; add $1, %2; add $1, %3\n"
					 "addsd %5, %4; subsd %5, %6"
					 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+x"(x), "+x"(y),
					   "+x"(z));
		VICTIM_CHECK(a == 0x1111 + 1000 && b == 0x2222 + 1000 && c == 0x3333 + 1000 &&
			     d == 0x4444 + 1000);
		VICTIM_CHECK(x == 501 && y == 0.5 && z == -497);
		page->count[0]++;
	}
}

static void life_sleep(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (;;) {
		pause();
		VICTIM_CHECK(0);
	}
}

static void makes_calls(void **state UNUSED)
{
	void (*lives[])(void) = { life_registers, life_sleep };
	for (int i = 0; i < 2; i++) {
		mode_t before = umask(022);
		pid_t pid = victim_start(lives[i]);
		umask(before);
		sleep_ms(10);
		for (int k = 0; k < 30; k++) {
			struct tracees t;
			victims_stop(pid, &t);
			assert_int_equal(call(&t.v[0], SYS_getpid, 0, 0, 0), pid);
			assert_int_equal(call(&t.v[0], SYS_umask, 077, 0, 0), k ? 077 : 022);
			assert_int_equal(call(&t.v[0], SYS_close, 4711, 0, 0), -EBADF);
			tracees_release(&t);
			tracees_done(&t);
			usleep(500);
		}
		assert_int_equal(page->bad, 0);
		if (i == 1)
			assert_true(state_becomes(pid, 'S'));
		victims_end(pid);
	}
}

static void stack_of(pid_t pid, uint64_t *start, uint64_t *end)
{
	CLEANUP_STR char *path = xasprintf("/proc/%d/maps", pid);
	FILE *f = fopen(path, "re");
	char line[512];
	assert_non_null(f);
	*start = *end = 0;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[stack]"))
			sscanf(line, "%lx-%lx", start, end);
	fclose(f);
	assert_true(*end > *start);
}

/* What is written for the guard below the stack is gone afterwards. */
static void leaves_no_trace(void **state UNUSED)
{
	pid_t pid = victim_start(life_sleep);
	assert_true(state_becomes(pid, 'S'));
	struct tracees t;
	struct user_regs_struct regs, after;
	struct iovec iov = { &regs, sizeof(regs) };
	victims_stop(pid, &t);
	uint64_t start, end;
	stack_of(pid, &start, &end);
	uint8_t *before = xmalloc(end - start), *now = xmalloc(end - start);
	assert_int_equal(tracee_read(&t.v[0], start, before, end - start), 0);
	assert_int_equal(ptrace(PTRACE_GETREGSET, pid, 1, &iov), 0);
	for (int i = 0; i < 10; i++)
		call(&t.v[0], SYS_getpid, 0, 0, 0);
	assert_int_equal(tracee_read(&t.v[0], start, now, end - start), 0);
	assert_memory_equal(before, now, end - start);
	iov = (struct iovec){ &after, sizeof(after) };
	assert_int_equal(ptrace(PTRACE_GETREGSET, pid, 1, &iov), 0);
	assert_memory_equal(&regs, &after, sizeof(regs));
	uint64_t mask = 0;
	assert_int_equal(ptrace(PTRACE_GETSIGMASK, pid, 8, &mask), 0);
	assert_true(mask == 1ULL << (SIGUSR1 - 1));
	free(before);
	free(now);
	tracees_done(&t);
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

static void life_filtered(void)
{
	/* everything but a handful kills */
	static const uint16_t allowed[] = { SYS_pause, SYS_rt_sigreturn, SYS_exit_group };
	struct sock_filter code[10] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
	unsigned short n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		code[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog prog = { n, code };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	VICTIM_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
	page->count[0] = 1;
	for (;;)
		syscall(SYS_pause);
}

static void passes_seccomp(void **state UNUSED)
{
	pid_t pid = victim_start(life_filtered);
	while (!page->count[0])
		sleep_ms(1);
	sleep_ms(20);
	struct tracees t;
	victims_stop(pid, &t);
	assert_int_equal(call(&t.v[0], SYS_getpid, 0, 0, 0), pid);
	tracees_release(&t);
	tracees_done(&t);
	assert_true(state_becomes(pid, 'S'));
	victims_end(pid);
}

/* A SIGSTOP that comes while calls are made takes effect at the release, and not before. */
static void holds_stop_signals(void **state UNUSED)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = victim_start(life_registers);
		struct tracees t;
		victims_stop(pid, &t);
		kill(pid, SIGSTOP);
		for (int k = 0; k < 20; k++)
			assert_int_equal(call(&t.v[0], SYS_getpid, 0, 0, 0), pid);
		tracees_release(&t);
		tracees_done(&t);
		assert_true(state_becomes(pid, 'T'));
		kill(pid, SIGCONT);
		assert_true(state_becomes(pid, 'R'));
		assert_int_equal(page->bad, 0);
		victims_end(pid);
	}
}

static void works_in_group_stopped(void **state UNUSED)
{
	pid_t pid = victim_start(life_sleep);
	kill(pid, SIGSTOP);
	assert_true(state_becomes(pid, 'T'));
	struct tracees t;
	victims_stop(pid, &t);
	for (int k = 0; k < 20; k++)
		assert_int_equal(call(&t.v[0], SYS_getpid, 0, 0, 0), pid);
	tracees_release(&t);
	tracees_done(&t);
	assert_true(state_becomes(pid, 'T'));
	kill(pid, SIGCONT);
	assert_true(state_becomes(pid, 'S'));
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

static void tells_of_a_death(void **state UNUSED)
{
	pid_t pid = victim_start(life_sleep);
	struct tracees t;
	struct error err = ERROR_INIT;
	victims_stop(pid, &t);
	kill(pid, SIGKILL);
	assert_true(state_becomes(pid, 'Z'));
	assert_int_equal(tracee_call(&t.v[0], SYS_getpid, (uint64_t[6]){ 0 }, &err), -ESRCH);
	assert_int_equal(err.err, ESRCH);
	assert_non_null(strstr(err.object, "pid"));
	tracees_done(&t);
	victims_end(pid);
}

/* An injected fork: the child is traced from birth, and stops. */
static void follows_a_fork(void **state UNUSED)
{
	pid_t pid = victim_start(life_sleep);
	struct tracees t;
	victims_stop(pid, &t);
	int64_t child = call(&t.v[0], SYS_clone, 0, 0, 0);
	assert_true(child > 0);
	assert_int_equal(t.v[0].born, child);
	int status;
	assert_int_equal(waitpid((pid_t)child, &status, __WALL), child);
	assert_int_equal(status >> 8, SIGTRAP | 128 << 8);
	kill((pid_t)child, SIGKILL);
	assert_int_equal(waitpid((pid_t)child, &status, __WALL), child);
	tracees_release(&t);
	tracees_done(&t);
	assert_int_equal(page->bad, 0);
	victims_end(pid);
}

/* ---- programs ---- */

static void run_once(struct tracee *t, struct arena_map *am, bool fails)
{
	struct program p;
	struct error err = ERROR_INIT;
	program_init(&p, am);
	program_call(&p, SYS_getpid);
	uint64_t actions = program_data(&p, NULL, 32 * 64);
	for (uint64_t i = 1; i <= 64; i++)
		program_call(&p, SYS_rt_sigaction, i, 0, actions + 32 * (i - 1), 8);
	/* all signals are blocked, whatever its own mask is */
	uint64_t mask = program_data(&p, NULL, 8);
	program_call(&p, SYS_rt_sigprocmask, 0, 0, mask, 8);
	program_what(&p, "closing what is not open");
	if (fails)
		program_call(&p, SYS_close, 12345);
	program_close(&p);
	int r = tracee_run(t, am, &p, 5000, &err);
	if (r < 0 && !fails)
		stop_failed(&err);
	assert_int_equal(r, fails ? -EBADF : 0);
	if (fails)
		assert_non_null(strstr(err.why, "closing what is not open"));
	const struct step *s = program_at(&p, p.addr);
	assert_int_equal(s[0].result, t->tgid);
	assert_true(*(uint64_t *)program_at(&p, mask) == ~((1ULL << 8) | (1ULL << 18)));
	program_done(&p);
}

static void run_in(struct tracee *t, size_t size)
{
	struct arena_map am;
	struct error err = ERROR_INIT;
	uint64_t base = 0;
	assert_int_equal(arena_map_new_private(size, &am, &err), 0);
	int r = tracee_map(t, size, &base, &err);
	if (r < 0)
		stop_failed(&err);
	assert_int_equal(r, 0);
	for (int round = 0; round < 3; round++) {
		arena_map_place(&am, base);
		run_once(t, &am, round == 1);
	}
	assert_int_equal(tracee_unmap(t, base, size, &err), 0);
	uint8_t byte;
	assert_int_equal(tracee_read(t, base, &byte, 1), -EFAULT);
	arena_map_done(&am);
}

static void life_no_exec(void)
{
	VICTIM_CHECK(prctl(PR_SET_MDWE, 1, 0, 0, 0) == 0 || errno == EINVAL);
	life_sleep();
}

static void runs_programs(void **state UNUSED)
{
	void (*lives[])(void) = { life_registers, life_sleep, life_no_exec, life_filtered };
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		pid_t pid = victim_start(lives[i]);
		sleep_ms(10);
		struct tracees t;
		int64_t start = now_us();
		victims_stop(pid, &t);
		run_in(&t.v[0], 1 << 20);
		tracees_release(&t);
		tracees_done(&t);
		print_message("life %zu: %ld us\n", i, (long)(now_us() - start));
		sleep_ms(20);
		assert_int_equal(page->bad, 0);
		assert_true(state_becomes(pid, i ? 'S' : 'R'));
		victims_end(pid);
	}
}

static void ends_what_hangs(void **state UNUSED)
{
	pid_t pid = victim_start(life_sleep);
	struct tracees t;
	struct arena_map am;
	struct error err = ERROR_INIT;
	uint64_t base = 0;
	victims_stop(pid, &t);
	assert_int_equal(arena_map_new_private(65536, &am, &err), 0);
	assert_int_equal(tracee_map(&t.v[0], 65536, &base, &err), 0);
	arena_map_place(&am, base);
	struct program p;
	program_init(&p, &am);
	program_call(&p, SYS_pause);
	program_close(&p);
	assert_int_equal(tracee_run(&t.v[0], &am, &p, 50, &err), -ETIMEDOUT);
	assert_int_equal(call(&t.v[0], SYS_getpid, 0, 0, 0), pid);
	assert_int_equal(tracee_unmap(&t.v[0], base, 65536, &err), 0);
	tracees_release(&t);
	tracees_done(&t);
	sleep_ms(10);
	assert_int_equal(page->bad, 0);
	assert_true(state_becomes(pid, 'S'));
	program_done(&p);
	arena_map_done(&am);
	victims_end(pid);
}

/* ---- restore ---- */

static uint8_t new_stack[65536] __attribute__((aligned(64)));

/* Where a restored thread goes on: with the registers, mask and vectors that it was given. */
NORETURN static void restored_life(uint64_t arg)
{
	double x;
	sigset_t mask;
	__asm__ volatile("movsd %%xmm5, %0" : "=m"(x));
	VICTIM_CHECK(arg == 0x1234);
	VICTIM_CHECK(x == 2.25);
	sigprocmask(0, NULL, &mask);
	VICTIM_CHECK(sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
	for (;;) {
		page->count[0]++;
		usleep(100);
	}
}

static pid_t restored_start(struct program_world *w, struct program *p)
{
	program_world_new(w);
	program_init(p, &w->am);
	program_close_in(w, p);
	pid_t pid = program_start(w, p);
	assert_true(program_wait(w, 1));
	return pid;
}

static void restored_set(struct tracee *t)
{
	struct error err = ERROR_INIT;
	struct user_regs_struct regs = t->regs;
	uint8_t xstate[576] = { 0 };
	double x = 2.25;
	uint32_t mxcsr = 0x1f80;
	uint64_t bv = 3;
	memcpy(xstate + 160 + 5 * 16, &x, sizeof(x));
	memcpy(xstate + 24, &mxcsr, sizeof(mxcsr));
	memcpy(xstate + 512, &bv, sizeof(bv));
	regs.rip = (uintptr_t)restored_life;
	regs.rsp = ((uintptr_t)new_stack + sizeof(new_stack) - 64) - 8;
	regs.rdi = 0x1234;
	regs.orig_rax = (uint64_t)-1;
	/* the thread pointer is the C library's: the child was forked from us */
	int r = tracee_set(t, &regs, xstate, sizeof(xstate), 1ULL << (SIGUSR2 - 1), &err);
	if (r < 0)
		stop_failed(&err);
	assert_int_equal(r, 0);
}

static void expect_restored_life(void)
{
	for (int i = 0; i < 5000 && page->count[0] < 10; i++)
		sleep_ms(1);
	assert_true(page->count[0] >= 10);
	if (page->bad)
		print_message("line %u\n", page->line);
	assert_int_equal(page->bad, 0);
}

static void sets_registers(void **state UNUSED)
{
	struct program_world w;
	struct program p;
	struct tracee t;
	struct error err = ERROR_INIT;
	pid_t pid = restored_start(&w, &p);
	assert_int_equal(tracee_seize(pid, &t, &err), 0);
	assert_int_equal(t.tgid, pid);
	assert_int_equal(t.regs.orig_rax, SYS_futex);
	assert_int_equal(call(&t, SYS_getpid, 0, 0, 0), pid);
	restored_set(&t);
	assert_int_equal(call(&t, SYS_getpid, 0, 0, 0), pid);
	assert_int_equal(tracee_detach(&t, 0, &err), 0);
	tracee_done(&t);
	expect_restored_life();
	program_end(pid);
	program_done(&p);
	program_world_done(&w);
}

/* Vector state of another machine: longer with nothing in it, or with features that are not here. */
static void adapts_vector_state(void **state UNUSED)
{
	struct program_world w;
	struct program p;
	struct tracee t;
	struct error err = ERROR_INIT;
	pid_t pid = restored_start(&w, &p);
	assert_int_equal(tracee_seize(pid, &t, &err), 0);
	uint8_t *big = xcalloc(1, 16000);
	memcpy(big, t.xstate.data, MIN(t.xstate.size, 576u));
	uint64_t bv = 3, alien = 3 | 1ULL << 61;
	memcpy(big + 512, &bv, 8);
	assert_int_equal(tracee_set(&t, &t.regs, big, 16000, 0, &err), 0);
	memcpy(big + 512, &alien, 8);
	assert_int_equal(tracee_set(&t, &t.regs, big, 16000, 0, &err), -ENOTSUP);
	assert_string_equal(err.why, "it uses registers that this processor does not have: "
				     "features 0x2000000000000000");
	free(big);
	tracee_done(&t);
	program_end(pid);
	program_done(&p);
	program_world_done(&w);
}

static void leaves_stopped(void **state UNUSED)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN };
	for (int i = 0; i < 3; i++) {
		struct program_world w;
		struct program p;
		struct tracee t;
		struct error err = ERROR_INIT;
		memset((void *)page, 0, sizeof(*page));
		pid_t pid = restored_start(&w, &p);
		assert_int_equal(tracee_seize(pid, &t, &err), 0);
		restored_set(&t);
		/* another signal that waits must not be lost, nor come first */
		kill(pid, SIGUSR2);
		int r = tracee_detach(&t, signals[i], &err);
		if (r < 0)
			stop_failed(&err);
		assert_int_equal(r, 0);
		tracee_done(&t);
		int status;
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		/* in an orphaned process group terminal signals have no effect: then it is SIGSTOP */
		assert_true(WSTOPSIG(status) == signals[i] || WSTOPSIG(status) == SIGSTOP);
		assert_true(state_becomes(pid, 'T'));
		assert_int_equal(page->count[0], 0);
		kill(pid, SIGCONT);
		expect_restored_life();
		program_end(pid);
		program_done(&p);
		program_world_done(&w);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_calls, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(leaves_no_trace, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(passes_seccomp, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(holds_stop_signals, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(works_in_group_stopped, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(tells_of_a_death, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(follows_a_fork, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(runs_programs, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(ends_what_hangs, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(sets_registers, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(adapts_vector_state, victims_setup,
						victims_teardown),
		cmocka_unit_test_setup_teardown(leaves_stopped, victims_setup, victims_teardown),
	};
	if (argc == 2) /* only this one */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
