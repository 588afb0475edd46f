/* SPDX-License-Identifier: Apache-2.0 */
/* test_program.c - programs of system calls: every operation, in children that map the arena and run them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cpuid.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "program_harness.h"

static struct program_world world;

static int setup(void **state UNUSED)
{
	program_world_new(&world);
	return 0;
}

static int teardown(void **state UNUSED)
{
	program_world_done(&world);
	return 0;
}

/* For a second program in the same test. */
static int teardown_setup(void **state)
{
	teardown(state);
	return setup(state);
}

/* ---- the arena ---- */

static void arena_places_and_aligns(void **state UNUSED)
{
	struct arena_map *am = &world.am;
	assert_memory_equal(am->map, blob_code, blob_size);
	uint64_t a = arena_map_alloc(am, 1, 1), b = arena_map_alloc(am, 10, 64);
	uint64_t c = arena_map_alloc(am, 1, 8192);
	assert_true(a >= am->base + blob_size);
	assert_int_equal(b % 64, 0);
	assert_int_equal(c % 8192, 0);
	memset(arena_map_at(am, b), 7, 10);
	assert_null(arena_map_at(am, am->base - 1));
	assert_null(arena_map_at(am, am->base + am->size));
	/* placed anew it is empty again */
	arena_map_place(am, am->base);
	uint64_t again = arena_map_alloc(am, 4096, 64);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(((uint8_t *)arena_map_at(am, again))[i], 0);
}

static void arena_tells_when_full(void **state UNUSED)
{
	struct arena_map *am = &world.am;
	struct error err = ERROR_INIT;
	arena_map_alloc(am, am->size - am->used, 1);
	assert_int_equal(arena_map_check(am, &err), 0);
	size_t sizes[] = { 1, 100, 1000000, 10 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t addr = arena_map_alloc(am, sizes[i], 64);
		uint8_t *p = arena_map_at(am, addr);
		assert_non_null(p);
		assert_int_equal(p[0] | p[sizes[i] - 1], 0);
		memset(p, 1, sizes[i]);
	}
	assert_int_equal(arena_map_check(am, &err), -ENOSPC);
	/* a program that does not fit can be written to its end */
	struct program p;
	program_init(&p, am);
	for (int i = 0; i < 1000; i++) {
		program_call(&p, SYS_getpid);
		program_result(&p);
	}
	program_close(&p);
	assert_non_null(program_at(&p, p.run));
	program_done(&p);
}

/* ---- calls, wants, refs ---- */

static void calls_have_results(void **state UNUSED)
{
	struct program p;
	program_init(&p, &world.am);
	program_call(&p, SYS_umask, 0123);
	uint64_t old = program_result(&p);
	program_call(&p, SYS_umask, 0777)->want = WANT_EQUAL;
	p.v[p.n - 1].value = 0123;
	program_call(&p, SYS_close, (uint64_t)-1)->want = WANT_ANY;
	program_call(&p, SYS_close, (uint64_t)-1)->want = WANT_OK_OR;
	p.v[p.n - 1].value = -EBADF;
	/* six arguments: an anonymous mapping at a wanted place, then written to by STEP_COPY */
	uint64_t hole = program_free_address(4096);
	program_call(&p, SYS_mmap, hole, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (uint64_t)-1, 0)
		->want = WANT_EQUAL;
	p.v[p.n - 1].value = (int64_t)hole;
	uint64_t text = program_text(&p, "hello"), back = program_data(&p, NULL, 6);
	struct step *s = program_step(&p, STEP_COPY);
	memcpy(s->arg, (uint64_t[6]){ hole, text, 6 }, sizeof(s->arg));
	s = program_step(&p, STEP_COPY);
	memcpy(s->arg, (uint64_t[6]){ back, hole, 6 }, sizeof(s->arg));

	mode_t before = umask(022);
	const char *what = NULL;
	assert_int_equal(program_outcome_of(&world, &p, &what), 0);
	umask(before);
	const struct step *done = program_at(&p, p.addr);
	assert_int_equal(*(uint64_t *)program_at(&p, old), 022);
	assert_int_equal(done[0].result, 022);
	assert_int_equal(done[2].result, -EBADF);
	assert_int_equal(done[3].result, -EBADF);
	assert_string_equal(program_at(&p, back), "hello");
	program_done(&p);
}

static void refs_use_earlier_results(void **state UNUSED)
{
	struct program p;
	program_init(&p, &world.am);
	program_call(&p, SYS_eventfd2, 7, 0);
	uint64_t fd = program_result(&p);
	assert_int_equal(program_result(&p), fd);
	uint64_t buf = program_data(&p, NULL, 8);
	struct step *s = program_call(&p, SYS_read, fd, buf, 8);
	s->refs = 1;
	s->want = WANT_EQUAL;
	s->value = 8;
	/* two refs at once, none of them the first argument */
	uint64_t size = program_data(&p, &(uint64_t){ 8 }, 8), where = program_data(&p, &buf, 8);
	program_call(&p, SYS_eventfd2, 9, 0);
	uint64_t fd2 = program_result(&p);
	s = program_call(&p, SYS_read, fd2, where, size);
	s->refs = 1 | 2 | 4;

	assert_int_equal(program_outcome_of(&world, &p, NULL), 0);
	assert_int_equal(*(uint64_t *)program_at(&p, buf), 9);
	program_done(&p);
}

/* The step that failed is told, what came after it is not done, the abort word is set, the process has ended. */
static void failures_are_told(void **state UNUSED)
{
	struct program p;
	program_init(&p, &world.am);
	program_what(&p, "first");
	program_call(&p, SYS_getpid);
	program_what(&p, "closing nothing");
	program_call(&p, SYS_close, (uint64_t)-1);
	program_what(&p, "never");
	program_call(&p, SYS_getpid);
	program_close_in(&world, &p);
	assert_int_equal(program_outcome(&p, NULL, NULL), -EINPROGRESS);
	pid_t pid = program_start(&world, &p);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	const char *what;
	const struct step *s;
	assert_int_equal(program_outcome(&p, &what, &s), -EBADF);
	assert_string_equal(what, "closing nothing");
	assert_int_equal(s->nr, SYS_close);
	assert_int_equal(s[1].result, STEP_PENDING);
	assert_int_equal(program_run_of(&p)->at, 1);
	assert_int_equal(*(uint32_t *)program_at(&p, world.abort), 1);
	assert_int_equal(*(uint32_t *)program_at(&p, world.done), 1);
	program_done(&p);
}

static void wrong_values_are_failures(void **state)
{
	struct program p;
	program_init(&p, &world.am);
	struct step *s = program_call(&p, SYS_getppid);
	s->want = WANT_EQUAL;
	s->value = 1234567;
	assert_int_equal(program_outcome_of(&world, &p, NULL), -EPROTO);
	/* an outcome that the tasks wrote nonsense into is read within bounds */
	program_run_of(&p)->at = 0xffffffff;
	assert_true(program_outcome(&p, NULL, NULL) < 0);
	program_done(&p);
	teardown_setup(state);

	program_init(&p, &world.am);
	program_step(&p, 77);
	assert_int_equal(program_outcome_of(&world, &p, NULL), -ENOSYS);
	program_done(&p);
}

/* After its end a program waits, and no signal but SIGKILL gets through. */
static void parks_at_the_end(void **state UNUSED)
{
	struct program p;
	program_init(&p, &world.am);
	program_close_in(&world, &p);
	pid_t pid = program_start(&world, &p);
	assert_true(program_wait(&world, 1));
	for (int i = 1; i < 32; i++)
		if (i != SIGKILL && i != SIGSTOP)
			kill(pid, i);
	kill(pid, SIGSTOP);
	int status;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(WTERMSIG(program_end(pid)), SIGKILL);
	program_done(&p);
}

/* ---- clone ---- */

static uint64_t clone_args(struct program *p, uint64_t flags, uint64_t exit_signal)
{
	struct clone3_args args = { .flags = flags, .exit_signal = exit_signal };
	return program_data(p, &args, sizeof(args));
}

static void add_clone(struct program *p, uint64_t args, uint64_t run, uint64_t stack)
{
	struct step *s = program_step(p, STEP_CLONE);
	memcpy(s->arg, (uint64_t[6]){ args, sizeof(struct clone3_args), run, stack },
	       sizeof(s->arg));
}

/* A chain: each process makes the next, the last one wakes all; the first reaps its child's exit. */
static void clones_processes(void **state UNUSED)
{
	enum { N = 50 };
	struct program p[N];
	uint64_t sum = arena_map_alloc(&world.am, 4, 4);
	uint64_t pids[N];
	for (int i = N - 1; i >= 0; i--) {
		program_init(&p[i], &world.am);
		program_call(&p[i], SYS_getpid);
		pids[i] = program_result(&p[i]);
		if (i < N - 1)
			add_clone(&p[i], clone_args(&p[i], 0, SIGCHLD), p[i + 1].run, 0);
		struct step *s = program_step(&p[i], STEP_ADD);
		s->arg[0] = sum;
		s->arg[1] = 1;
		s = program_step(&p[i], STEP_WAIT);
		s->arg[0] = sum;
		s->arg[1] = N;
		if (i < N - 1) {
			program_call(&p[i], SYS_wait4, (uint64_t)-1, 0, 0, 0);
			program_call(&p[i], SYS_exit_group, 0);
		} else {
			program_call(&p[i], SYS_exit_group, 0);
		}
		program_close_in(&world, &p[i]);
	}
	pid_t pid = program_start(&world, &p[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(*(uint32_t *)arena_map_at(&world.am, sum), N);
	for (int i = 1; i < N; i++) {
		const struct step *s = program_at(&p[i - 1], p[i - 1].addr);
		assert_int_equal(s[1].result, *(uint64_t *)program_at(&p[i], pids[i]));
	}
	for (int i = 0; i < N; i++)
		program_done(&p[i]);
}

#define THREAD                                                                                     \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
	 CLONE_PARENT_SETTID)

static void clones_threads(void **state UNUSED)
{
	enum { N = 100 };
	struct program leader, t[N];
	uint64_t sum = arena_map_alloc(&world.am, 4, 4), go = arena_map_alloc(&world.am, 4, 4);
	uint64_t stacks = arena_map_alloc(&world.am, N * 8192, 16);
	uint64_t tids = arena_map_alloc(&world.am, N * 8, 8);
	program_init(&leader, &world.am);
	for (uint64_t i = 0; i < N; i++) {
		program_init(&t[i], &world.am);
		program_call(&t[i], SYS_gettid)->ret = tids + 8 * i;
		struct step *s = program_step(&t[i], STEP_WAIT);
		s->arg[0] = go;
		s->arg[1] = 1;
		s = program_step(&t[i], STEP_ADD);
		s->arg[0] = sum;
		s->arg[1] = (uint64_t)i;
		program_close_in(&world, &t[i]);
		struct clone3_args args = { .flags = THREAD,
					    .parent_tid = program_data(&leader, NULL, 8) };
		add_clone(&leader, program_data(&leader, &args, sizeof(args)), t[i].run,
			  i % 2 ? stacks + (i + 1) * 8192 : 0);
	}
	struct step *s = program_step(&leader, STEP_ADD);
	s->arg[0] = go;
	s->arg[1] = 1;
	program_close_in(&world, &leader);
	pid_t pid = program_start(&world, &leader);
	assert_true(program_wait(&world, N + 1));
	assert_int_equal(*(uint32_t *)arena_map_at(&world.am, sum), N * (N - 1) / 2);
	for (int i = 0; i < N; i++) {
		assert_int_equal(program_outcome(&t[i], NULL, NULL), 0);
		const struct step *done = program_at(&leader, leader.addr);
		assert_int_equal(done[i].result, ((uint64_t *)arena_map_at(&world.am, tids))[i]);
		program_done(&t[i]);
	}
	CLEANUP_STR char *path = xasprintf("/proc/%d/task", pid);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2 + N + 1);
	program_end(pid);
	program_done(&leader);
}

static void waits_for_its_parent(void **state UNUSED)
{
	struct program helper, orphan;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	program_init(&orphan, &world.am);
	struct step *s = program_step(&orphan, STEP_WAIT_PARENT);
	s->arg[0] = (uint64_t)getpid();
	program_call(&orphan, SYS_getpid);
	program_close_in(&world, &orphan);
	program_init(&helper, &world.am);
	add_clone(&helper, clone_args(&helper, 0, SIGCHLD), orphan.run, 0);
	program_call(&helper, SYS_nanosleep,
		     program_data(&helper, &(struct timespec){ 0, 30000000 }, 16), 0);
	program_call(&helper, SYS_exit_group, 0);
	program_close_in(&world, &helper);
	pid_t pid = program_start(&world, &helper);
	assert_true(program_wait(&world, 1));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(program_outcome(&orphan, NULL, NULL), 0);
	s = program_at(&orphan, orphan.addr);
	program_end((pid_t)s[1].result);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	program_done(&helper);
	program_done(&orphan);
}

/* One fails: those that wait give up. */
static void one_failure_ends_all(void **state UNUSED)
{
	struct program bad, good[3];
	program_init(&bad, &world.am);
	pid_t pid[3];
	for (int i = 0; i < 3; i++) {
		program_init(&good[i], &world.am);
		struct step *s = program_step(&good[i], i == 2 ? STEP_WAIT_PARENT : STEP_WAIT);
		s->arg[0] = i == 2 ? 1234567 : arena_map_alloc(&world.am, 4, 4);
		s->arg[1] = 1;
		program_close_in(&world, &good[i]);
		pid[i] = program_start(&world, &good[i]);
	}
	program_call(&bad, SYS_close, (uint64_t)-1);
	program_close_in(&world, &bad);
	pid_t first = program_start(&world, &bad);
	assert_true(program_wait(&world, 4));
	assert_int_equal(program_outcome(&bad, NULL, NULL), -EBADF);
	assert_int_equal(waitpid(first, NULL, 0), first);
	for (int i = 0; i < 3; i++) {
		int status;
		assert_int_equal(program_outcome(&good[i], NULL, NULL), -ECANCELED);
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(WEXITSTATUS(status), 1);
		program_done(&good[i]);
	}
	program_done(&bad);
}

/* ---- memory ---- */

/* Thousands of iovecs, more than one preadv(2) takes, and into memory that is not the arena. */
static void reads_everything(void **state UNUSED)
{
	enum { N = 5000, SIZE = N * 100 };
	CLEANUP_FD int fd = memfd_create("pages", 0);
	uint8_t *data = xmalloc(SIZE);
	for (int i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 7 + i / 255);
	assert_int_equal(pwrite(fd, data, SIZE, 10), SIZE);
	struct program p;
	program_init(&p, &world.am);
	uint64_t to = program_data(&p, NULL, SIZE);
	struct iovec *iov = xcalloc(N + 2, sizeof(*iov));
	/* pieces of different sizes, empty ones among them */
	size_t at = 0, n = 0;
	while (at < SIZE) {
		size_t part = MIN((n * 13) % 300, SIZE - at);
		iov[n++] = (struct iovec){ (void *)(uintptr_t)(to + at), part };
		at += part;
		assert_true(n < N);
	}
	assert_true(n > 2048);
	struct step *s = program_step(&p, STEP_READ);
	memcpy(s->arg,
	       (uint64_t[6]){ (uint64_t)fd, program_data(&p, iov, n * sizeof(*iov)), n, 10 },
	       sizeof(s->arg));
	s->want = WANT_EQUAL;
	s->value = SIZE;
	assert_int_equal(program_outcome_of(&world, &p, NULL), 0);
	assert_memory_equal(program_at(&p, to), data, SIZE);
	program_done(&p);
	teardown_setup(NULL);

	/* beyond the end of the file */
	program_init(&p, &world.am);
	to = program_data(&p, NULL, SIZE);
	s = program_step(&p, STEP_READ);
	iov[0] = (struct iovec){ (void *)(uintptr_t)to, SIZE };
	memcpy(s->arg, (uint64_t[6]){ (uint64_t)fd, program_data(&p, iov, sizeof(*iov)), 1, 11 },
	       sizeof(s->arg));
	assert_int_equal(program_outcome_of(&world, &p, NULL), -ENODATA);
	program_done(&p);
	free(iov);
	free(data);
}

/*
 * A file whose reads are short: preadv(2) stops where a page of the destination cannot be written, and then tells what it
 * has; the next one fails. Here the first part ends within an iovec.
 */
static void reads_in_parts(void **state UNUSED)
{
	CLEANUP_FD int fd = memfd_create("pages", 0);
	assert_int_equal(ftruncate(fd, 3 * 4096), 0);
	struct program p;
	program_init(&p, &world.am);
	uint64_t hole = program_free_address(3 * 4096);
	program_call(&p, SYS_mmap, hole, 2 * 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (uint64_t)-1, 0);
	struct iovec iov = { (void *)(uintptr_t)hole, 3 * 4096 };
	struct step *s = program_step(&p, STEP_READ);
	uint64_t at = program_data(&p, &iov, sizeof(iov));
	memcpy(s->arg, (uint64_t[6]){ (uint64_t)fd, at, 1, 0 }, sizeof(s->arg));
	assert_int_equal(program_outcome_of(&world, &p, NULL), -EFAULT);
	const struct iovec *left = program_at(&p, at);
	assert_int_equal(left->iov_len, 4096);
	assert_int_equal((uintptr_t)left->iov_base, hole + 8192);
	program_done(&p);
}

/* ---- the processor ---- */

static void grows_the_state(void **state UNUSED)
{
	unsigned int a, b, c, d;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & (1u << 24))) {
		print_message("kernel: no AMX here\n");
		skip();
	}
	struct program p;
	program_init(&p, &world.am);
	program_call(&p, SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18);
	program_step(&p, STEP_XSAVE);
	assert_int_equal(program_outcome_of(&world, &p, NULL), 0);
	program_done(&p);
}

/* ---- printing ---- */

static void prints_itself(void **state UNUSED)
{
	struct program p;
	CLEANUP_BUF struct buf out = BUF_INIT;
	program_init(&p, &world.am);
	program_what(&p, "setting the mask");
	program_call(&p, SYS_umask, 18);
	struct step *s = program_step(&p, STEP_WAIT);
	s->arg[0] = 0x7f0000001000;
	s->arg[1] = 3;
	program_what(&p, "reading");
	s = program_call(&p, SYS_read, 0x7f0000002000, 0, 8);
	s->refs = 1;
	s->want = WANT_EQUAL;
	s->value = 8;
	program_print(&p, &out);
	assert_string_equal(buf_str(&out),
			    "0 umask(18)    # setting the mask\n"
			    "1 wait(0x7f0000001000, 3)\n"
			    "2 read(*0x7f0000002000, 0, 8), must be 8    # reading\n");
	program_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arena_places_and_aligns, setup, teardown),
		cmocka_unit_test_setup_teardown(arena_tells_when_full, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_have_results, setup, teardown),
		cmocka_unit_test_setup_teardown(refs_use_earlier_results, setup, teardown),
		cmocka_unit_test_setup_teardown(failures_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_values_are_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(parks_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(clones_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(clones_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_its_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(one_failure_ends_all, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(grows_the_state, setup, teardown),
		cmocka_unit_test_setup_teardown(prints_itself, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
