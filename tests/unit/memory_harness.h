/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_harness.h - address spaces of stopped children of the test are collected into an image,
 * and made again in processes that start as contexe-seed. Open files are handed over as they were
 * found: files are not what is tested.
 */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "checkpoint/memory/maps.h"
#include "checkpoint/memory/memory.h"
#include "checkpoint/memory/pagemap.h"
#include "checkpoint/memory/space.h"
#include "checkpoint/seed/protocol.h"
#include "memory_objects.h"
#include "program_harness.h"

#define FIRST_FILE 100 /* where a task has the open file with id 0 */

static int file_of(void *arg UNUSED, uint64_t id)
{
	return id && id <= files.n ? FIRST_FILE + (int)id : -ENOENT;
}

/* ---- dump ---- */

struct dump {
	int fd;
	struct image_writer *w;
	struct arena arena;
	struct collect c;
	struct memory_dump *d;
};

static void dump_begin(struct dump *d, const char *path)
{
	struct error err = ERROR_INIT;
	*d = (struct dump){ 0 };
	files.n = 0;
	d->fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
		     : memfd_create("image", MFD_CLOEXEC);
	assert_true(d->fd >= 0);
	assert_int_equal(image_writer_new(d->fd, &d->w, &err), 0);
	d->d = memory_dump_new();
	d->c = (struct collect){ .w = d->w, .objects = &files, .arena = &d->arena, .init = 1 };
	d->c.proc = open("/proc", O_PATH | O_CLOEXEC);
}

/* As the dump does before it looks at memory. */
static void dump_descriptors(pid_t pid)
{
	for (int n = 0; n < 64; n++) {
		char path[64];
		struct stat st;
		struct object *o;
		bool is_new;
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, n);
		int fd = stat(path, &st) == 0 && S_ISREG(st.st_mode)
				 ? open(path, O_RDWR | O_CLOEXEC)
				 : -1;
		if (fd >= 0)
			assert_int_equal(objects_file_take(&files, fd,
							   (struct object_holder){ pid, n }, &o,
							   &is_new, NULL),
					 0);
	}
}

static void dump_space(struct dump *d, pid_t pid, uint64_t mm, uint64_t parent_mm)
{
	char line[1200];
	struct error err = ERROR_INIT;
	struct memory_source src = { .pid = pid, .mm = mm, .parent_mm = parent_mm };
	dump_descriptors(pid);
	int r = memory_collect(d->d, &d->c, &src, &err);
	if (r < 0)
		fail_msg("%s", error_line(&err, line, sizeof(line)));
}

static struct image *dump_end(struct dump *d)
{
	struct error err = ERROR_INIT;
	struct image *img;
	char line[1200];
	for (size_t i = 0; i < d->c.n_refusals; i++)
		print_error("refused: %s: %s\n", d->c.refusals[i].object, d->c.refusals[i].why);
	assert_int_equal(d->c.n_refusals, 0);
	assert_int_equal(image_finish(d->w, NULL, &err), 0);
	if (image_open(d->fd, &img, &err) < 0)
		fail_msg("%s", error_line(&err, line, sizeof(line)));
	return img;
}

static void dump_done(struct dump *d)
{
	image_writer_free(d->w);
	memory_dump_free(d->d);
	for (size_t i = 0; i < files.n; i++)
		(void)fd_close(files.v[i].fd);
	(void)fd_close(d->c.proc);
	(void)fd_close(d->fd);
	arena_done(&d->arena);
}

/* ---- restore ---- */

struct task {
	struct memory *m;
	struct program p;
	pid_t pid;
};

struct restore {
	struct image *img;
	struct arena arena;
	struct program_world world;
};

static struct memory *restore_load(struct restore *r, uint64_t mm)
{
	struct error err = ERROR_INIT;
	struct memory *m;
	char line[1200];
	if (memory_load(r->img, mm, &r->arena, &m, &err) < 0)
		fail_msg("%s", error_line(&err, line, sizeof(line)));
	return m;
}

static void restore_arena(struct restore *r, struct memory *const *v, size_t n, size_t size)
{
	struct error err = ERROR_INIT;
	assert_int_equal(arena_map_new_shared(size, &r->world.am, &err), 0);
	uint64_t hole = memory_find_hole(v, n, size);
	assert_true(hole != 0);
	arena_map_place(&r->world.am, hole);
	r->world.abort = arena_map_alloc(&r->world.am, 4, 4);
	r->world.done = arena_map_alloc(&r->world.am, 4, 4);
}

static struct emit restore_emit(struct restore *r, struct program *p)
{
	return (struct emit){ .p = p, .img = r->img, .arena = &r->arena, .fd = file_of };
}

static void emit_or_fail(int r, const struct error *err)
{
	char line[1200];
	if (r < 0)
		fail_msg("%s", error_line(err, line, sizeof(line)));
}

/*
 * Executes contexe-seed: descriptors of the image and of all files come along. Its vdso is told by
 * its own proc.
 */
static pid_t seed_start(struct restore *r, int image_fd, int *ret_sock)
{
	const char *path = getenv("CONTEXE_SEED");
	assert_non_null(path);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int sock = fcntl(pair[1], F_DUPFD_CLOEXEC, 50);
		int arena = fcntl(r->world.am.fd, F_DUPFD_CLOEXEC, 50);
		int image = fcntl(image_fd, F_DUPFD_CLOEXEC, 50);
		/* ours may lie where theirs shall */
		int high[ARRAY_SIZE(files.v)];
		for (size_t i = 0; i < files.n; i++)
			high[i] = fcntl(files.v[i].fd, F_DUPFD_CLOEXEC, 600);
		for (size_t i = 0; i < files.n; i++)
			dup2(high[i], FIRST_FILE + (int)files.v[i].id);
		dup2(image, FIRST_FILE);
		dup2(sock, SEED_FD_ENGINE);
		dup2(arena, SEED_FD_ARENA);
		execl(path, "contexe-seed", NULL);
		_exit(98);
	}
	close(pair[1]);
	*ret_sock = pair[0];
	/* until it is the seed: then the socket is read */
	for (int i = 0; i < 5000; i++) {
		CLEANUP_STR char *link = xasprintf("/proc/%d/exe", pid);
		char exe[512];
		ssize_t n = readlink(link, exe, sizeof(exe) - 1);
		exe[n > 0 ? n : 0] = '\0';
		if (strstr(exe, "contexe-seed"))
			return pid;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	fail_msg("the seed does not start");
	return -1;
}

static struct maps_entry *maps_of(pid_t pid, struct arena *arena, size_t *n)
{
	struct maps_entry *v = NULL;
	CLEANUP_FD int proc = open("/proc", O_PATH | O_CLOEXEC);
	assert_int_equal(maps_read(proc, pid, true, arena, &v, n), 0);
	return v;
}

/* Its name is the seed's before its mappings are all there: waited for. */
static void start_vdso(pid_t pid, struct memory_start *s)
{
	for (int tries = 0; tries < 5000 && !s->vdso_size; tries++) {
		CLEANUP_ARENA struct arena arena = { 0 };
		size_t n;
		struct maps_entry *v = maps_of(pid, &arena, &n);
		uint64_t start = 0;
		for (size_t i = 0; i < n; i++) {
			if (str_has_prefix(v[i].name, "[vvar]"))
				start = v[i].start;
			if (!start || strcmp(v[i].name, "[vdso]") != 0)
				continue;
			s->vdso_start = start;
			s->vdso_code = v[i].start;
			s->vdso_size = v[i].end - start;
		}
		if (!s->vdso_size)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
}

static void seed_enter(struct restore *r, int sock, const struct program *p)
{
	struct seed_msg msg = { r->world.am.base, r->world.am.size, p->run };
	assert_int_equal(write(sock, &msg, sizeof(msg)), sizeof(msg));
	close(sock);
}

static void program_expect(const struct program *p)
{
	const char *what = "";
	const struct step *s = NULL;
	int r = program_outcome(p, &what, &s);
	if (r < 0)
		fail_msg("%s: %s (call %u %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 ": %" PRIx64
			 ")",
			 what, strerror(-r), s->nr, s->arg[0], s->arg[1], s->arg[2], s->arg[3],
			 s->result);
}

/* ---- what is compared ---- */

#define COMPARED_FLAGS (~(uint32_t)MAPS_ACCOUNT)

static bool same_kind(const struct maps_entry *a, const struct maps_entry *b)
{
	return a->prot == b->prot && a->shared == b->shared && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && a->inode == b->inode &&
	       strcmp(a->name, b->name) == 0 && a->page == b->page &&
	       !((a->flags ^ b->flags) & COMPARED_FLAGS);
}

/*
 * Neighbours that could be one are made one: the kernel merges new ones that it could not merge
 * before.
 */
static size_t maps_normalise(struct maps_entry *v, size_t n, uint64_t skip, uint64_t skip_size)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct maps_entry *last = kept ? &v[kept - 1] : NULL;
		if (v[i].start >= skip && v[i].end <= skip + skip_size)
			continue;
		if (last && last->end == v[i].start && same_kind(last, &v[i]) &&
		    (!v[i].inode || last->offset + (last->end - last->start) == v[i].offset))
			last->end = v[i].end;
		else
			v[kept++] = v[i];
	}
	return kept;
}

static void compare_maps(pid_t was, pid_t is, const struct arena_map *am)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	size_t n, m;
	struct maps_entry *a = maps_of(was, &arena, &n), *b = maps_of(is, &arena, &m);
	n = maps_normalise(a, n, 0, 0);
	m = maps_normalise(b, m, am->base, am->size);
	for (size_t i = 0; i < n && i < m; i++)
		if (a[i].start != b[i].start || a[i].end != b[i].end || !same_kind(&a[i], &b[i]) ||
		    a[i].offset != b[i].offset)
			fail_msg("was %" PRIx64 "-%" PRIx64 " %x %s flags %x, is %" PRIx64
				 "-%" PRIx64 " %x %s flags %x",
				 a[i].start, a[i].end, a[i].prot, a[i].name, a[i].flags, b[i].start,
				 b[i].end, b[i].prot, b[i].name, b[i].flags);
	assert_int_equal(n, m);
}

static bool page_of(int mem, uint64_t address, uint8_t *page)
{
	return pread(mem, page, 4096, (off_t)address) == 4096;
}

/*
 * Every page that the first has of its own is the same in the second, and the second has no other
 * that is not zero.
 */
static void compare_pages(pid_t was, pid_t is, const struct arena_map *am)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	size_t n;
	struct maps_entry *v = maps_of(was, &arena, &n);
	CLEANUP_FD int proc = open("/proc", O_PATH | O_CLOEXEC);
	CLEANUP_STR char *path = xasprintf("/proc/%d/mem", was);
	CLEANUP_STR char *path2 = xasprintf("/proc/%d/mem", is);
	CLEANUP_FD int mem = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int mem2 = open(path2, O_RDONLY | O_CLOEXEC);
	static uint8_t page[4096], page2[4096];
	const pid_t both[] = { was, is };
	for (size_t k = 0; k < 2; k++) {
		struct pagemap pm;
		assert_int_equal(pagemap_open(proc, both[k], SPACE_END_4, &pm), 0);
		for (size_t i = 0; i < n; i++) {
			struct page_run run;
			if (v[i].name[0] == '[' && v[i].name[1] == 'v')
				continue;
			if (v[i].shared || v[i].flags & MAPS_DROPPABLE ||
			    (!pagemap_scans(&pm) && !v[i].own) ||
			    (v[i].start >= am->base && v[i].start < am->base + am->size))
				continue;
			for (uint64_t at = v[i].start; at < v[i].end; at = run.end) {
				if (pagemap_next(&pm, at, v[i].end, &run) <= 0)
					break;
				if (run.guard) { /* nobody may touch it, in both */
					assert_false(page_of(mem, run.start, page));
					assert_false(page_of(mem2, run.start, page));
					continue;
				}
				for (uint64_t p = run.start; p < run.end; p += 4096) {
					assert_true(page_of(mem, p, page));
					assert_true(page_of(mem2, p, page2));
					if (memcmp(page, page2, 4096) != 0)
						fail_msg("the page at %" PRIx64 " (%s) differs", p,
							 v[i].name);
				}
			}
		}
		pagemap_close(&pm);
	}
}

/* A file of proc that must read the same. */
static void compare_text(pid_t was, pid_t is, const char *name)
{
	CLEANUP_BUF struct buf a = BUF_INIT;
	CLEANUP_BUF struct buf b = BUF_INIT;
	CLEANUP_STR char *path = xasprintf("/proc/%d/%s", was, name);
	CLEANUP_STR char *path2 = xasprintf("/proc/%d/%s", is, name);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &a), 0);
	assert_int_equal(file_read(AT_FDCWD, path2, 1 << 20, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

static void compare_numbers(pid_t was, pid_t is)
{
	struct memory_numbers n[2];
	const pid_t both[] = { was, is };
	char link[2][512] = { { 0 } };
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		CLEANUP_STR char *path = xasprintf("/proc/%d/stat", both[i]);
		CLEANUP_STR char *exe = xasprintf("/proc/%d/exe", both[i]);
		assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text), 0);
		assert_int_equal(numbers_parse(buf_str(&text), &n[i]), 0);
		assert_true(readlink(exe, link[i], sizeof(link[i]) - 1) > 0);
	}
	assert_memory_equal(&n[0], &n[1], sizeof(n[0]));
	assert_string_equal(link[0], link[1]);
	compare_text(was, is, "cmdline");
	compare_text(was, is, "environ");
	compare_text(was, is, "auxv");
	compare_text(was, is, "coredump_filter");
}

static void compare_all(pid_t was, pid_t is, const struct arena_map *am)
{
	compare_maps(was, is, am);
	compare_pages(was, is, am);
	compare_numbers(was, is);
}

/* ---- victims ---- */

/* Forks a child that prepares itself and stops. */
static pid_t victim_start(void (*prepare)(void))
{
	int ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prepare();
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	char c;
	ssize_t n = read(ready[0], &c, 1);
	close(ready[0]);
	if (n != 1)
		fail_msg("the victim could not prepare itself");
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	return pid;
}
