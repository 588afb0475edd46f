/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory_live.c - address spaces of real processes: collected, made again from a seed, and
 * compared: mappings with their attributes, every private page, what /proc tells. Needs root
 * (/proc/PID/map_files).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/ipc.h>
#include <sys/shm.h>

#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "memory_harness.h"

#define PAGE	 4096u
#define MIB	 (UINT64_C(1) << 20)
#define GIB	 (UINT64_C(1) << 30)
#define BASE	 UINT64_C(0x300000000000) /* where the victims map */
#define ARENA	 (16u << 20)
#define GUARD_IN 102

#define NEED(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			(void)fprintf(stderr, "victim: %s: %m\n", #what);                          \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* ---- a program with all kinds of mappings ---- */

static uint64_t next_place = BASE;

static char *map_at(uint64_t size, int prot, int flags, int fd, off_t offset)
{
	void *want = (void *)(uintptr_t)next_place;
	void *p = mmap(want, size, prot, flags | MAP_FIXED_NOREPLACE, fd, offset);
	NEED(p == want);
	next_place += size + 16 * PAGE;
	return p;
}

static char *map_anon(uint64_t pages)
{
	return map_at(pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void pattern(char *p, uint64_t pages, unsigned seed)
{
	for (uint64_t i = 0; i < pages; i++) {
		memset(p + i * PAGE, (int)(seed + i % 200) | 1, PAGE);
		memcpy(p + i * PAGE, &(uint64_t[2]){ (uint64_t)(uintptr_t)p, i }, 16);
	}
}

static void prepare_anonymous(void)
{
	char *p = map_anon(300); /* dense, with pages of zeroes and pages never touched */
	pattern(p, 300, 1);
	memset(p + 7 * PAGE, 0, 3 * PAGE);
	madvise(p + 100 * PAGE, 50 * PAGE, MADV_DONTNEED);
	p = map_anon(2000); /* every third page */
	for (int i = 0; i < 2000; i += 3)
		pattern(p + i * PAGE, 1, (unsigned)i);
	p = map_anon(4);
	pattern(p, 4, 9);
	NEED(mprotect(p, 4 * PAGE, PROT_READ) == 0);
	p = map_anon(4);
	pattern(p, 4, 10);
	NEED(mprotect(p, 4 * PAGE, PROT_NONE) == 0);
	p = map_anon(4);
	pattern(p, 4, 11);
	NEED(mprotect(p, 4 * PAGE, PROT_READ | PROT_EXEC) == 0);
	p = map_anon(4);
	pattern(p, 4, 12);
	NEED(mprotect(p, 4 * PAGE, PROT_WRITE) == 0);
	/* read only, so the zero page is there */
	p = map_anon(8);
	for (int i = 0; i < 8; i++)
		NEED(((volatile char *)p)[i * PAGE] == 0);
}

static void prepare_reservations(void)
{
	/* the gaps between them are small: nothing may walk them page by page */
	map_at(256 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *p = map_at(512 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(mprotect(p + 100 * GIB, 16 * PAGE, PROT_READ | PROT_WRITE) == 0);
	pattern(p + 100 * GIB, 16, 3);
	NEED(mprotect(p + 100 * GIB, 8 * PAGE, PROT_NONE) == 0);
	map_at(256 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p = map_at(4 * GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		   0);
	pattern(p + GIB, 1, 4);
	pattern(p + 3 * GIB, 2, 4);
}

static int file_of_pages(int pages)
{
	char path[] = "/tmp/contexe-memory-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	NEED(fd >= 0 && unlink(path) == 0);
	char page[PAGE];
	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, sizeof(page));
		NEED(pwrite(fd, page, sizeof(page), i * (off_t)PAGE) == sizeof(page));
	}
	return fd;
}

static void prepare_files(void)
{
	int fd = file_of_pages(16);
	char *p = map_at(16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	pattern(p + 3 * PAGE, 2, 5);
	memset(p + 8 * PAGE, 0, PAGE); /* a page of zeroes over a file's */
	NEED(p[9 * PAGE] == 'a' + 9);
	map_at(8 * PAGE, PROT_READ, MAP_PRIVATE, fd, 4 * PAGE);
	p = map_at(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	pattern(p, 1, 6);
	NEED(mprotect(p, 4 * PAGE, PROT_READ) == 0); /* as relro */
	p = map_at(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[0] = 'X';
	map_at(8 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int ro = open(path, O_RDONLY | O_CLOEXEC);
	NEED(ro >= 0);
	map_at(8 * PAGE, PROT_READ, MAP_SHARED, ro, 0);
	close(ro);
	close(fd);
	p = map_at(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pattern(p, 8, 7);
	fd = memfd_create("victim", MFD_CLOEXEC);
	NEED(fd >= 0 && ftruncate(fd, 8 * PAGE) == 0);
	p = map_at(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pattern(p, 8, 8);
	p = map_at(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	pattern(p + PAGE, 1, 8);
	close(fd);
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	p = map_at(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	pattern(p, 2, 13);
	close(fd);
}

static void prepare_advice(void)
{
	static const int advice[] = { MADV_DONTFORK, MADV_WIPEONFORK, MADV_DONTDUMP,
				      MADV_SEQUENTIAL, MADV_RANDOM };
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		char *p = map_anon(4);
		pattern(p, 3, (unsigned)i);
		NEED(madvise(p, 4 * PAGE, advice[i]) == 0);
	}
	next_place = (next_place + 2 * MIB) & ~(2 * MIB - 1);
	char *p = map_anon(1024);
	(void)madvise(p, 1024 * PAGE, MADV_HUGEPAGE);
	pattern(p, 1024, 20);
	next_place = (next_place + 2 * MIB) & ~(2 * MIB - 1);
	p = map_anon(1024);
	(void)madvise(p, 1024 * PAGE, MADV_NOHUGEPAGE);
	pattern(p, 10, 21);
	p = map_anon(4);
	(void)madvise(p, 4 * PAGE, MADV_MERGEABLE);
	p = map_anon(4);
	pattern(p, 1, 22);
	NEED(mlock(p, 4 * PAGE) == 0);
	p = map_anon(4);
	pattern(p, 1, 23);
	NEED(syscall(325, p, 4 * PAGE, 1) == 0);
	p = map_anon(4);
	pattern(p, 4, 24);
	(void)madvise(p, PAGE, GUARD_IN); /* where there is such a thing */
	p = map_anon(4);
	pattern(p, 4, 25);
	(void)syscall(462, p, 4 * PAGE, 0);
	void *drop = mmap((void *)(uintptr_t)next_place, 4 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | 0x08, -1, 0);
	if (drop != MAP_FAILED)
		pattern(drop, 2, 26);
	next_place += 64 * PAGE;
	next_place += 512 * PAGE;
	p = map_at(16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
		   -1, 0);
	pattern(p + 12 * PAGE, 4, 27);
	pattern(p - PAGE, 1, 28); /* it grew */
}

static void prepare_all(void)
{
	prepare_anonymous();
	prepare_reservations();
	prepare_files();
	prepare_advice();
	char *p = sbrk(40 * PAGE);
	NEED(p != (void *)-1);
	memset(p, 'h', 40 * PAGE);
	CLEANUP_FD int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	NEED(write(fd, "0x7", 3) == 3);
	NEED(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
}

static bool thp_disabled(pid_t pid)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_STR char *path = xasprintf("/proc/%d/status", pid);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text), 0);
	return strstr(buf_str(&text), "THP_enabled:\t0");
}

/* From the image to a process; `more` adds steps of its own at the end. */
static void task_make(struct restore *r, const struct dump *d, struct task *t,
		      void (*more)(struct program *p))
{
	int sock;
	restore_arena(r, &t->m, 1, ARENA);
	t->pid = seed_start(r, d->fd, &sock);
	struct memory_start start = { .arena_base = r->world.am.base,
				      .arena_size = r->world.am.size,
				      .image_fd = FIRST_FILE };
	start_vdso(t->pid, &start);
	program_init(&t->p, &r->world.am);
	struct emit e = restore_emit(r, &t->p);
	struct error err = ERROR_INIT;
	emit_or_fail(memory_emit(&e, t->m, &start, &err), &err);
	emit_or_fail(memory_emit_seal(&e, t->m, &err), &err);
	if (more)
		more(&t->p);
	program_close_in(&r->world, &t->p);
	seed_enter(r, sock, &t->p);
	assert_true(program_wait(&r->world, 1));
	program_expect(&t->p);
}

static void task_done(struct restore *r, struct dump *d, struct task *t)
{
	program_end(t->pid);
	program_done(&t->p);
	image_free(r->img);
	program_world_done(&r->world);
	arena_done(&r->arena);
	dump_done(d);
}

static void is_made_again(void **state UNUSED)
{
	pid_t pid = victim_start(prepare_all);
	struct dump d;
	dump_begin(&d, NULL);
	dump_space(&d, pid, 1, 0);
	struct restore r = { .img = dump_end(&d) };
	struct task t = { .m = restore_load(&r, 1) };
	task_make(&r, &d, &t, NULL);
	print_message("%zu mappings, %zu runs, %zu steps\n", t.m->n_maps, t.m->n_pages, t.p.n);
	compare_all(pid, t.pid, &r.world.am);
	assert_true(thp_disabled(t.pid));
	program_end(pid);
	task_done(&r, &d, &t);
}

/* ---- what is refused ---- */

static void prepare_refused(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	void *want = (void *)(uintptr_t)BASE;
	NEED(id >= 0 && shmat(id, want, 0) == want);
	NEED(shmctl(id, IPC_RMID, NULL) == 0);
	unsigned long context = 0;
	NEED(syscall(SYS_io_setup, 4, &context) == 0);
}

/* ---- our own program in the space ---- */

#define OURS 8 /* pages in the midst of a mapping */

static uint64_t ours;

static void prepare_future(void)
{
	NEED(syscall(SYS_mlockall, MCL_FUTURE) == 0); /* sanitizers make the function do nothing */
	char *p = map_anon(32);
	pattern(p, 32, 1);
}

static void map_more(struct program *p)
{
	program_call(p, SYS_mmap, ours, OURS * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (uint64_t)-1, 0);
}

static uint32_t flags_at(pid_t pid, uint64_t address)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	size_t n;
	struct maps_entry *v = maps_of(pid, &arena, &n);
	for (size_t i = 0; i < n; i++)
		if (v[i].start <= address && address < v[i].end)
			return v[i].flags;
	fail_msg("nothing is at %" PRIx64, address);
	return 0;
}

/* It is not carried; that the kernel has locked it tells that new memory is locked. */
static void our_program_is_left_out(void **state UNUSED)
{
	ours = BASE + 12 * PAGE;
	pid_t pid = victim_start(prepare_future);
	struct dump d;
	struct error err = ERROR_INIT;
	dump_begin(&d, NULL);
	uint64_t brk = (uint64_t)(uintptr_t)sbrk(0) + 64; /* what the task told is believed */
	struct memory_source src = {
		.pid = pid, .mm = 3, .skip_base = ours, .skip_size = OURS * PAGE, .brk = brk
	};
	assert_int_equal(memory_collect(d.d, &d.c, &src, &err), 0);
	struct restore r = { .img = dump_end(&d) };
	struct task t = { .m = restore_load(&r, 3) };
	const struct memory *m = t.m;
	assert_true(m->r.lock_future);
	assert_false(m->r.lock_future_onfault);
	assert_int_equal(m->r.numbers.brk, brk);
	uint64_t pages = 0;
	for (size_t i = 0; i < m->n_maps; i++) {
		assert_true(m->maps[i].end <= ours || m->maps[i].start >= ours + OURS * PAGE);
		if (m->maps[i].start >= BASE && m->maps[i].end <= BASE + 32 * PAGE)
			pages += (m->maps[i].end - m->maps[i].start) / PAGE;
	}
	assert_int_equal(pages, 32 - OURS);
	for (size_t i = 0; i < m->n_pages; i++)
		assert_true(m->pages[i].address + m->pages[i].n * PAGE <= ours ||
			    m->pages[i].address >= ours + OURS * PAGE);
	program_end(pid);
	task_make(&r, &d, &t, map_more);
	assert_true(flags_at(t.pid, ours) & MAPS_LOCKED);
	assert_false(flags_at(t.pid, BASE) & MAPS_LOCKED_ONFAULT);
	task_done(&r, &d, &t);
}

/* On a dry run nothing is written, and what is refused is told. */
static void dry_run_refuses(void **state UNUSED)
{
	pid_t pid = victim_start(prepare_refused);
	struct dump d;
	struct error err = ERROR_INIT;
	dump_begin(&d, NULL);
	d.c.w = NULL;
	struct memory_source src = { .pid = pid, .mm = 1 };
	assert_int_equal(memory_collect(d.d, &d.c, &src, &err), 0);
	assert_int_equal(d.c.n_refusals, 2);
	assert_int_equal(d.c.refusals[0].pid, pid);
	assert_non_null(strstr(d.c.refusals[0].object, "SYSV"));
	assert_non_null(strstr(d.c.refusals[1].why, "asynchronous"));
	program_end(pid);
	dump_done(&d);
}

int main(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_made_again),
		cmocka_unit_test(our_program_is_left_out),
		cmocka_unit_test(dry_run_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
