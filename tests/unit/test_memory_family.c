/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory_family.c - a parent and its forked children: pages that they share are in the image
 * once, and are shared again afterwards; and the vdso of another kernel. Needs root
 * (/proc/PID/map_files, frames).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "memory_harness.h"

#define PAGE   4096u
#define BASE   UINT64_C(0x300000000000)
#define ARENA  (16u << 20)
#define SHARED 2000 /* pages */
#define HIDDEN 5000

#define NEED(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			(void)fprintf(stderr, "victim: %s: %m\n", #what);                          \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* What the victims tell us. */
static struct family {
	pid_t child, grandchild;
	uint32_t ready;
} * family;

static char *map_fixed(uint64_t at, uint64_t pages)
{
	void *p = mmap((void *)(uintptr_t)at, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	NEED(p == (void *)(uintptr_t)at);
	return p;
}

static void fill_pages(char *p, uint64_t from, uint64_t to, int c)
{
	for (uint64_t i = from; i < to; i++)
		memset(p + i * PAGE, (int)(c + i % 100) | 1, PAGE);
}

static void wait_ready(uint32_t n)
{
	while (__atomic_load_n(&family->ready, __ATOMIC_ACQUIRE) < n)
		sched_yield();
}

static void rest(void)
{
	__atomic_add_fetch(&family->ready, 1, __ATOMIC_ACQ_REL);
	for (;;)
		pause();
}

static void be_grandchild(char *p)
{
	fill_pages(p, 300, 310, 'G');
	NEED(munmap(p + 1000ul * PAGE, 500ul * PAGE) == 0);
	rest();
}

static void be_child(char *p)
{
	fill_pages(p, 100, 200, 'C');					  /* its own copies */
	NEED(madvise(p + 400ul * PAGE, 50ul * PAGE, MADV_DONTNEED) == 0); /* given up */
	memset(p + 500ul * PAGE, 0, 10ul * PAGE);			  /* zeroes of its own */
	fill_pages(map_fixed(BASE + (64u << 20), 20), 0, 20, 'N');
	NEED(mprotect(p + 600ul * PAGE, 10ul * PAGE, PROT_READ) == 0);
	NEED(mprotect(p + 620ul * PAGE, 10ul * PAGE, PROT_NONE) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_grandchild(p);
	}
	family->grandchild = pid;
	wait_ready(1);
	rest();
}

static void prepare_family(void)
{
	char *p = map_fixed(BASE, SHARED);
	fill_pages(p, 0, SHARED, 'A');
	char *gone = map_fixed(BASE + (32u << 20), 64);
	fill_pages(gone, 0, 64, 'g');
	char *shrunk = map_fixed(BASE + (48u << 20), 64);
	fill_pages(shrunk, 0, 64, 's');
	char *hidden = map_fixed(BASE + (56u << 20), 64);
	fill_pages(hidden, 0, 64, 'h');
	NEED(mprotect(hidden, 64 * PAGE, PROT_NONE) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_child(p);
	}
	family->child = pid;
	wait_ready(2);
	/* the parent goes on as well: what it changes is the child's alone then */
	fill_pages(p, 700, 720, 'P');
	NEED(munmap(gone, 64 * PAGE) == 0);
	NEED(munmap(shrunk + 32 * PAGE, 32 * PAGE) == 0);
	fill_pages(map_fixed(BASE + (72u << 20), 20), 0, 20, 'M');
}

/* How many pages of both are the same frame; HIDDEN where they are hidden from us. */
static size_t shared_frames(pid_t a, pid_t b, uint64_t start, size_t n)
{
	static uint64_t x[SHARED], y[SHARED];
	bool hidden, hidden_too;
	size_t same = 0;
	struct pagemap pm[2];
	CLEANUP_FD int proc = open("/proc", O_PATH | O_CLOEXEC);
	assert_int_equal(pagemap_open(proc, a, 0, &pm[0]), 0);
	assert_int_equal(pagemap_open(proc, b, 0, &pm[1]), 0);
	assert_int_equal(pagemap_frames(&pm[0], start, n, x, &hidden), 0);
	assert_int_equal(pagemap_frames(&pm[1], start, n, y, &hidden_too), 0);
	for (size_t i = 0; i < n; i++)
		same += x[i] > PAGE_ALONE && x[i] == y[i];
	pagemap_close(&pm[0]);
	pagemap_close(&pm[1]);
	return hidden || hidden_too ? HIDDEN : same;
}

#define MEMBERS 3

static void build_member(struct restore *r, struct task *t, const struct task *parent, pid_t seed)
{
	struct error err = ERROR_INIT;
	struct memory_start start = { .arena_base = r->world.am.base,
				      .arena_size = r->world.am.size,
				      .image_fd = FIRST_FILE };
	start_vdso(seed, &start);
	if (parent) {
		start.parent = parent->m;
		memory_vdso(parent->m, &start.vdso_start, &start.vdso_code);
	}
	program_init(&t->p, &r->world.am);
	if (parent) /* nothing is left of a test that fails */
		program_call(&t->p, SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	struct emit e = restore_emit(r, &t->p);
	emit_or_fail(memory_emit(&e, t->m, &start, &err), &err);
}

static void seal_member(struct restore *r, struct task *t, const struct task *child)
{
	struct error err = ERROR_INIT;
	struct emit e = restore_emit(r, &t->p);
	if (child) {
		struct clone3_args args = { .exit_signal = SIGCHLD };
		uint64_t at = program_data(&t->p, &args, sizeof(args));
		memcpy(program_step(&t->p, STEP_CLONE)->arg,
		       (uint64_t[3]){ at, sizeof(args), child->p.run }, 3 * sizeof(uint64_t));
	}
	emit_or_fail(memory_emit_seal(&e, t->m, &err), &err);
	program_close_in(&r->world, &t->p);
}

/* The pid that the clone step of a program has given. */
static pid_t cloned(const struct program *p)
{
	const struct step *v = program_at(p, p->addr);
	for (size_t i = 0; i < p->n; i++)
		if (v[i].op == STEP_CLONE)
			return (pid_t)v[i].result;
	return -1;
}

static void expect_member(const struct restore *r, pid_t was, const struct task *t)
{
	program_expect(&t->p);
	compare_all(was, t->pid, &r->world.am);
}

static void pages_are_shared_again(void **state UNUSED)
{
	/* without root, a file without a name is found only if it is open */
	CLEANUP_FD int fd = memfd_create("family", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	family = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(family, MAP_FAILED);
	pid_t was[MEMBERS] = { victim_start(prepare_family) };
	was[1] = family->child;
	was[2] = family->grandchild;
	kill(was[1], SIGSTOP);
	kill(was[2], SIGSTOP);
	struct dump d;
	dump_begin(&d, NULL);
	for (uint64_t i = 0; i < MEMBERS; i++)
		dump_space(&d, was[i], i + 1, i);
	struct restore r = { .img = dump_end(&d) };
	struct stat st;
	assert_int_equal(fstat(d.fd, &st), 0);
	struct task t[MEMBERS] = { 0 };
	struct memory *m[MEMBERS];
	for (uint64_t i = 0; i < MEMBERS; i++)
		t[i].m = m[i] = restore_load(&r, i + 1);
	/* what is shared is written once, and not three times */
	print_message("%" PRIu64 " KiB in the first, the image has %lld KiB\n",
		      memory_bytes(m[0]) / 1024, (long long)st.st_size / 1024);
	assert_in_range(st.st_size, memory_bytes(m[0]), memory_bytes(m[0]) + SHARED / 2 * PAGE);
	restore_arena(&r, m, MEMBERS, ARENA);
	int sock;
	t[0].pid = seed_start(&r, d.fd, &sock);
	for (size_t i = 0; i < MEMBERS; i++)
		build_member(&r, &t[i], i ? &t[i - 1] : NULL, t[0].pid);
	for (size_t i = MEMBERS; i > 0; i--)
		seal_member(&r, &t[i - 1], i < MEMBERS ? &t[i] : NULL);
	seed_enter(&r, sock, &t[0].p);
	bool done = program_wait(&r.world, MEMBERS);
	for (size_t i = 0; i < MEMBERS; i++)
		program_expect(&t[i].p);
	assert_true(done);
	for (size_t i = 0; i < MEMBERS; i++) {
		if (i)
			t[i].pid = cloned(&t[i - 1].p);
		expect_member(&r, was[i], &t[i]);
		print_message("member %zu: %zu steps\n", i, t[i].p.n);
	}
	assert_in_range(t[2].p.n, 1, 40);
	for (size_t i = 1; i < MEMBERS; i++) {
		size_t before = shared_frames(was[i - 1], was[i], BASE, SHARED);
		size_t after = shared_frames(t[i - 1].pid, t[i].pid, BASE, SHARED);
		print_message("shared: %zu pages, were %zu\n", after, before);
		assert_int_equal(after, before);
		/* being looked at has not cost them their sharing */
		if (before != HIDDEN)
			assert_in_range(before, 1400, SHARED);
	}
	uint64_t hidden = BASE + (56u << 20);
	size_t same = shared_frames(t[0].pid, t[1].pid, hidden, 64);
	if (same != HIDDEN)
		assert_int_equal(same, 64);
	for (size_t i = MEMBERS; i > 0; i--) {
		kill(t[i - 1].pid, SIGKILL);
		kill(was[i - 1], SIGKILL);
		program_done(&t[i - 1].p);
	}
	assert_int_equal(waitpid(t[0].pid, NULL, 0), t[0].pid);
	assert_int_equal(waitpid(was[0], NULL, 0), was[0]);
	image_free(r.img);
	program_world_done(&r.world);
	arena_done(&r.arena);
	dump_done(&d);
	munmap(family, PAGE);
}

/* The same in a user namespace: neither /proc/PID/map_files nor frames are to be had there. */
static void pages_are_shared_again_without_root(void **state UNUSED)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "test_memory_family", "userns", NULL);
		_exit(99);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* no user namespaces here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int enter_userns(void)
{
	CLEANUP_STR char *map = xasprintf("0 %d 1", (int)geteuid());
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	return file_write(AT_FDCWD, "/proc/self/uid_map", map);
}

/* ---- the vdso of another kernel ---- */

static void prepare_nothing(void)
{
}

/* Calls a function in a stopped tracee: it returns to an address where nothing is. */
static uint64_t call_in(pid_t pid, uint64_t function, uint64_t a, uint64_t b, uint64_t stack)
{
	struct user_regs_struct regs;
	int status;
	assert_int_equal(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
	regs.rip = function;
	regs.rdi = a;
	regs.rsi = b;
	regs.rsp = stack;
	regs.orig_rax = (uint64_t)-1;
	errno = 0;
	assert_int_equal(ptrace(PTRACE_POKEDATA, pid, stack, 0x10), 0);
	assert_int_equal(ptrace(PTRACE_SETREGS, pid, 0, &regs), 0);
	assert_int_equal(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(WSTOPSIG(status), SIGSEGV);
	assert_int_equal(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
	assert_int_equal(regs.rip, 0x10);
	return regs.rax;
}

/* clock_gettime and time of the image's vdso, at the address that the program knows. */
static void expect_old_functions(const struct restore *r, pid_t pid, const struct memory *m)
{
	struct vdso_elf elf;
	const struct vdso_record *v = m->vdso.record;
	assert_int_equal(vdso_parse(v->code.data, v->code.size, &elf), 0);
	uint64_t code = m->vdso.start + vdso_code_offset(v);
	uint64_t stack = r->world.am.base + r->world.am.size - 4096, out = stack + 1024;
	struct timespec now, then = { 0 };
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t at = code + elf.function[VDSO_CLOCK_GETTIME].offset;
	assert_int_equal(call_in(pid, at, CLOCK_MONOTONIC, out, stack), 0);
	memcpy(&then, arena_map_at(&r->world.am, out), sizeof(then));
	assert_in_range(then.tv_sec, now.tv_sec, now.tv_sec + 5);
	at = code + elf.function[VDSO_TIME].offset;
	assert_in_range(call_in(pid, at, 0, 0, stack), time(NULL) - 5, time(NULL) + 5);
}

static void run_with_vdso(bool here)
{
	pid_t was = victim_start(prepare_nothing);
	struct dump d;
	dump_begin(&d, NULL);
	dump_space(&d, was, 1, 0);
	struct restore r = { .img = dump_end(&d) };
	struct task t[2] = { { .m = restore_load(&r, 1) }, { .m = restore_load(&r, 1) } };
	for (size_t i = 0; i < 2; i++) {
		t[i].m->vdso.stale = true;
		t[i].m->vdso.here = here ? BASE : 0;
	}
	struct memory *m[] = { t[0].m, t[1].m };
	restore_arena(&r, m, 2, ARENA);
	int sock;
	t[0].pid = seed_start(&r, d.fd, &sock);
	build_member(&r, &t[0], NULL, t[0].pid);
	size_t n = t[0].p.n;
	if (here) {
		build_member(&r, &t[1], &t[0], t[0].pid);
		assert_int_equal(t[1].p.n, 1); /* all is there */
		program_done(&t[1].p);
	}
	seal_member(&r, &t[0], NULL);
	assert_true(n < t[0].p.n);
	seed_enter(&r, sock, &t[0].p);
	assert_true(program_wait(&r.world, 1));
	program_expect(&t[0].p);
	expect_old_functions(&r, t[0].pid, t[0].m);
	program_end(t[0].pid);
	program_end(was);
	program_done(&t[0].p);
	image_free(r.img);
	program_world_done(&r.world);
	arena_done(&r.arena);
	dump_done(&d);
}

static void old_vdso_goes_to_the_new(void **state UNUSED)
{
	run_with_vdso(true);
}

static void old_vdso_makes_system_calls(void **state UNUSED)
{
	run_with_vdso(false);
}

int main(int argc, char **argv)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_shared_again),
		cmocka_unit_test(pages_are_shared_again_without_root),
		cmocka_unit_test(old_vdso_goes_to_the_new),
		cmocka_unit_test(old_vdso_makes_system_calls),
	};
	const struct CMUnitTest without_root[] = { cmocka_unit_test(pages_are_shared_again) };
	if (argc > 1 && strcmp(argv[1], "userns") == 0)
		return enter_userns() < 0 ? 77 : cmocka_run_group_tests(without_root, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
