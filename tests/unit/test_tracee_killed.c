/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tracee_killed.c - an engine is killed with SIGKILL at random instants while it works in others: they go on as if
 * nothing had happened. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <ucontext.h>

#include "program_harness.h"
#include "tracee_harness.h"

#define KILLS 150

/* ---- lives ---- */

/* What a thread has in its registers, vector registers and mask is what it put there. */
static void check_registers(void)
{
	uint64_t a = 0x1111, b = 0x2222, c = 0x3333, d = 0x4444;
	double x = 1, y = 0.5, z = 3;
	for (int i = 0; i < 1000; i++)
		__asm__ volatile("add $1, %0; add $1, %1; add $1, %2; add $1, %3\n"
				 "addsd %5, %4; subsd %5, %6"
				 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+x"(x), "+x"(y), "+x"(z));
	VICTIM_CHECK(a == 0x1111 + 1000 && b == 0x2222 + 1000 && c == 0x3333 + 1000 &&
		     d == 0x4444 + 1000);
	VICTIM_CHECK(x == 501 && y == 0.5 && z == -497);
}

static void check_mask(void)
{
	sigset_t now;
	sigprocmask(0, NULL, &now);
	for (int i = 1; i < 32; i++)
		VICTIM_CHECK(sigismember(&now, i) == (i == SIGUSR1));
}

static void mask_usr1(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void life_compute(void)
{
	mask_usr1();
	for (;;) {
		check_registers();
		check_mask();
		page->count[0]++;
	}
}

/*
 * No call is seen to fail, no sleep to end early. But for one case, counted: killed in the instants between the stop of
 * a call that fails by it and the request which makes it be made again.
 */
static void life_calls(void)
{
	int ep = epoll_create1(0);
	mask_usr1();
	for (;;) {
		struct epoll_event e;
		int64_t start = now_us();
		struct timespec t = { 0, 2000000 }, left;
		VICTIM_CHECK(nanosleep(&t, &left) == 0);
		VICTIM_CHECK(now_us() - start >= 2000);
		int r = epoll_wait(ep, &e, 1, 1);
		VICTIM_CHECK(r == 0 || (r < 0 && errno == EINTR));
		page->count[3] += r < 0;
		check_mask();
		page->count[0]++;
	}
}

static void *thread_compute(void *arg)
{
	life_compute();
	return arg;
}

/* The thread that is worked in has a stack of its own; the leader waits in its. */
static void life_thread(void)
{
	pthread_t p;
	pthread_create(&p, NULL, thread_compute, NULL);
	for (;;)
		pause();
}

/*
 * As Go does it: the first thread runs on a small piece of the heap, signals have a stack of their own, and what lies
 * below the small stack belongs to others.
 */
#define SMALL 8192
static uint8_t heap[3 * SMALL] __attribute__((aligned(4096)));

static void check_heap(void)
{
	for (int i = 0; i < SMALL; i++)
		VICTIM_CHECK(heap[i] == (uint8_t)i && heap[2 * SMALL + i] == (uint8_t)i);
}

static void life_on_heap(void)
{
	mask_usr1();
	for (;;) {
		check_registers();
		check_mask();
		check_heap();
		if (page->count[0]++ % 16 == 0)
			usleep(100);
	}
}

static void life_small_stack(void)
{
	static ucontext_t here, there;
	static uint8_t signal_stack[65536];
	sigaltstack(&(stack_t){ .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) }, NULL);
	for (int i = 0; i < SMALL; i++)
		heap[i] = heap[2 * SMALL + i] = (uint8_t)i;
	getcontext(&there);
	there.uc_stack.ss_sp = heap + SMALL;
	there.uc_stack.ss_size = SMALL;
	makecontext(&there, life_on_heap, 0);
	swapcontext(&here, &there);
}

/* ---- the engine ---- */

static void work(struct tracee *t)
{
	struct error err = ERROR_INIT;
	struct arena_map am;
	uint64_t base;
	if (tracee_call(t, SYS_getpid, (uint64_t[6]){ 0 }, &err) != t->tgid)
		_exit(11);
	if (arena_map_new_private(65536, &am, &err) < 0 || tracee_map(t, 65536, &base, &err) < 0)
		_exit(12);
	arena_map_place(&am, base);
	struct program p;
	program_init(&p, &am);
	for (int i = 0; i < 50; i++)
		program_call(&p, SYS_getppid);
	program_close(&p);
	if (tracee_run(t, &am, &p, 5000, &err) < 0)
		_exit(13);
	if (tracee_unmap(t, base, 65536, &err) < 0)
		_exit(14);
	program_done(&p);
	arena_map_done(&am);
}

NORETURN static void engine(pid_t pid, bool in_thread)
{
	for (;;) {
		struct tracees t;
		struct error err = ERROR_INIT;
		if (tracees_stop(victim_list_one, &pid, 10000, &t, &err) < 0)
			_exit(10);
		page->count[1]++;
		work(&t.v[in_thread ? t.n - 1 : 0]);
		page->count[2]++;
		tracees_release(&t);
		tracees_done(&t);
		usleep(50);
	}
}

/* ---- the test ---- */

static bool goes_on(void)
{
	uint64_t before = page->count[0];
	for (int i = 0; i < 10000; i++) {
		if (page->count[0] > before + 1)
			return true;
		usleep(500);
	}
	return false;
}

static void survives(void (*life)(void), bool in_thread)
{
	pid_t pid = victim_start(life);
	unsigned int seed = 1;
	int early = 0;
	int64_t longest = 0;
	for (int i = 0; i < KILLS; i++) {
		pid_t tracer = fork();
		assert_true(tracer >= 0);
		if (tracer == 0)
			engine(pid, in_thread);
		/* at first the time between two passes, then anywhere in them */
		uint64_t passes = page->count[1];
		while (page->count[1] == passes)
			usleep(100);
		usleep((useconds_t)(rand_r(&seed) % 1500));
		kill(tracer, SIGKILL);
		int status;
		assert_int_equal(waitpid(tracer, &status, 0), tracer);
		if (!WIFSIGNALED(status))
			print_message("the engine ended with %d\n", WEXITSTATUS(status));
		assert_true(WIFSIGNALED(status));
		early += page->count[1] != page->count[2];
		page->count[2] = page->count[1];
		int64_t start = now_us();
		if (!goes_on())
			print_message("kill %d: state %c\n", i, state_of(pid));
		longest = MAX(longest, now_us() - start);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		assert_true(goes_on());
		if (page->bad)
			print_message("kill %d: line %u\n", i, page->line);
		assert_int_equal(page->bad, 0);
	}
	print_message("%d of %d kills hit at work, longest pause %ld ms\n", early, KILLS,
		      (long)longest / 1000);
	assert_true(early > KILLS / 10);
	if (page->count[3])
		print_message("%d calls were seen to fail\n", (int)page->count[3]);
	assert_true(page->count[3] <= KILLS / 10);
	victims_end(pid);
}

static void computes_on(void **state UNUSED)
{
	survives(life_compute, false);
}
static void calls_on(void **state UNUSED)
{
	survives(life_calls, false);
}
static void threads_go_on(void **state UNUSED)
{
	survives(life_thread, true);
}
static void small_stacks_go_on(void **state UNUSED)
{
	survives(life_small_stack, false);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(computes_on, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(calls_on, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(threads_go_on, victims_setup, victims_teardown),
		cmocka_unit_test_setup_teardown(small_stacks_go_on, victims_setup,
						victims_teardown),
	};
	if (argc == 2) /* only this one */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
