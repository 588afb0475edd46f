/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_harness.h - carries sockets of this process into an image and out of it again: the kinds
 * are real, and so are objects and image; the dump's loop and the holder are played here.
 *
 * A test is a function that runs in a child with a network namespace of its own. It makes sockets,
 * calls carry(), which dumps them, closes them, makes them again and puts them at the same numbers,
 * and goes on using them.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "checkpoint/image/image.h"
#include "checkpoint/kind/file_kind.h"

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #what,       \
				errno);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#define WORLD_MAX 64

struct world {
	struct arena arena;
	struct collect c;
	struct image_writer *w;
	int image_fd;
	struct file_facts facts[WORLD_MAX];
	char link[WORLD_MAX][256];
	size_t n;
};

/* ---- the holder ---- */

struct holder_file {
	uint64_t id;
	const struct file_kind *kind;
	void *record;
	int fd;
};
struct holder_stash {
	char kind[32];
	uint64_t key;
	int fd;
};
struct holder_kind {
	const char *kind;
	void *data;
};
struct holder {
	struct image *img;
	struct arena *arena;
	struct holder_file files[WORLD_MAX];
	size_t n_files;
	struct holder_stash stash[WORLD_MAX];
	size_t n_stash;
	struct holder_kind memory[8];
	size_t n_memory;
};

struct image *holder_image(struct holder *h)
{
	return h->img;
}

struct arena *holder_arena(struct holder *h)
{
	return h->arena;
}

bool holder_has_pids(const struct holder *h)
{
	(void)h;
	return true;
}

bool holder_late(const struct holder *h)
{
	(void)h;
	return false;
}

int holder_proc(struct holder *h)
{
	(void)h;
	return FD_NONE;
}

void **holder_memory(struct holder *h, const char *kind)
{
	for (size_t i = 0; i < h->n_memory; i++)
		if (strcmp(h->memory[i].kind, kind) == 0)
			return &h->memory[i].data;
	h->memory[h->n_memory].kind = kind;
	return &h->memory[h->n_memory++].data;
}

int holder_external(struct holder *h, const char *name, struct error *err)
{
	(void)h;
	return error_set(err, ENOENT, "%s", name);
}

int holder_copy_pages(struct holder *h, uint64_t image_offset, uint64_t n_pages, int fd,
		      uint64_t at, struct error *err)
{
	(void)h, (void)image_offset, (void)n_pages, (void)fd, (void)at;
	return error_set(err, ENOSYS, "no pages here");
}

static struct holder_stash *find_stash(struct holder *h, const char *kind, uint64_t key)
{
	for (size_t i = 0; i < h->n_stash; i++)
		if (h->stash[i].fd >= 0 && h->stash[i].key == key &&
		    strcmp(h->stash[i].kind, kind) == 0)
			return &h->stash[i];
	return NULL;
}

void holder_stash_take(struct holder *h, const char *kind, uint64_t key, int fd)
{
	struct holder_stash *s = &h->stash[h->n_stash++];
	snprintf(s->kind, sizeof(s->kind), "%s", kind);
	s->key = key;
	s->fd = fd;
}

int holder_unstash(struct holder *h, const char *kind, uint64_t key)
{
	struct holder_stash *s = find_stash(h, kind, key);
	return s ? take_fd(&s->fd) : FD_NONE;
}

int holder_stashed(struct holder *h, const char *kind, uint64_t key)
{
	struct holder_stash *s = find_stash(h, kind, key);
	return s ? s->fd : FD_NONE;
}

int holder_fd(struct holder *h, uint64_t id, struct error *err)
{
	for (size_t i = 0; i < h->n_files; i++) {
		struct holder_file *f = &h->files[i];
		if (f->id != id)
			continue;
		if (f->fd == -2)
			return error_set(err, ELOOP, "a circle");
		if (f->fd < 0) {
			f->fd = -2;
			f->fd = f->kind->open(h, id, f->kind->no_flags ? O_PATH : O_RDWR, f->record,
					      err);
		}
		return f->fd;
	}
	return error_set(err, EBADMSG, "file %llu is not in the image", (unsigned long long)id);
}

/* ---- dump ---- */

static inline void world_die(const struct error *err, const char *what)
{
	char line[1200];
	fprintf(stderr, "%s: %s\n", what, error_line(err, line, sizeof(line)));
	_exit(1);
}

static inline void world_facts(struct world *w, struct object *o, struct file_facts *f)
{
	char path[64];
	struct statfs fs;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", o->fd);
	char *link = w->link[f - w->facts];
	ssize_t n = readlink(path, link, 255);
	CHECK(n > 0);
	link[n] = '\0';
	*f = (struct file_facts){ .id = o->id,
				  .fd = o->fd,
				  .by = o->holders[0],
				  .link = link,
				  .info = "",
				  .flags = fcntl(o->fd, F_GETFL) };
	CHECK(fstat(o->fd, &f->st) == 0 && fstatfs(o->fd, &fs) == 0);
	f->fs = (uint64_t)fs.f_type;
}

static inline void world_collect(struct world *w)
{
	struct error err = ERROR_INIT;
	for (; w->n < w->c.n_queue; w->n++) {
		struct file_facts *f = &w->facts[w->n];
		char type[64];
		world_facts(w, w->c.queue[w->n], f);
		struct file_match m = file_classify(&w->c, f);
		const struct file_kind *kind = file_kind_of(&m);
		CHECK(kind);
		void *record = arena_alloc(&w->arena, kind->size);
		size_t before = w->c.n_refusals;
		if (kind->collect(&w->c, f, record, &err) < 0)
			world_die(&err, f->link);
		if (w->c.n_refusals > before)
			continue;
		snprintf(type, sizeof(type), "file.%s", kind->name);
		CHECK(collect_put(&w->c, type, f->id, kind->fields, record, &err) == 0);
	}
}

static enum tcp_mode world_tcp = TCP_REFUSE; /* what --tcp says */

static inline void world_start(struct world *w, const int *fds, size_t n, bool leave_running)
{
	struct error err = ERROR_INIT;
	*w = (struct world){ .image_fd = memfd_create("image", MFD_CLOEXEC) };
	CHECK(image_writer_new(w->image_fd, &w->w, &err) == 0);
	w->c = (struct collect){
		.w = w->w,
		.objects = objects_new(),
		.arena = &w->arena,
		.init = getpid(),
		.proc = open("/proc", O_PATH | O_CLOEXEC),
		.leave_running = leave_running,
		.tcp = world_tcp,
	};
	for (size_t i = 0; i < n; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 200);
		CHECK(fd >= 0);
		int64_t id = collect_file_take(&w->c, fd,
					       (struct object_holder){ getpid(), fds[i] }, &err);
		CHECK(id == (int64_t)i + 1);
	}
}

/* Dumps; the sockets stay. Returns the number of refusals. */
static inline size_t world_dump(struct world *w, const int *fds, size_t n, bool leave_running)
{
	struct error err = ERROR_INIT;
	world_start(w, fds, n, leave_running);
	world_collect(w);
	for (size_t i = 0; file_kinds[i] && !w->c.n_refusals && !leave_running; i++)
		if (file_kinds[i]->drain && file_kinds[i]->drain(&w->c, &err) < 0)
			world_die(&err, "drain");
	world_collect(w);
	if (!w->c.n_refusals && image_finish(w->w, NULL, &err) < 0)
		world_die(&err, "finish");
	objects_free(w->c.objects);
	w->c.objects = NULL;
	return w->c.n_refusals;
}

static inline void world_restore(struct world *w, const int *fds, size_t n)
{
	struct error err = ERROR_INIT;
	struct holder h = { .arena = &w->arena };
	struct image_record rec;
	size_t at = 0;
	if (image_open(w->image_fd, &h.img, &err) < 0)
		world_die(&err, "image");
	while (image_each(h.img, &at, &rec)) {
		const struct file_kind *kind =
			strncmp(rec.type, "file.", 5) ? NULL : file_kind_find(rec.type + 5);
		if (!kind)
			continue;
		struct holder_file *f = &h.files[h.n_files++];
		*f = (struct holder_file){ rec.id, kind, arena_alloc(&w->arena, kind->size), -1 };
		if (image_get(h.img, rec.type, rec.id, kind->fields, &w->arena, f->record, &err) <
		    0)
			world_die(&err, rec.type);
	}
	for (size_t i = 0; i < h.n_files; i++)
		if (holder_fd(&h, h.files[i].id, &err) < 0)
			world_die(&err, "open");
	for (size_t i = 0; i < h.n_files; i++)
		if (h.files[i].kind->finish &&
		    h.files[i].kind->finish(&h, h.files[i].id, h.files[i].fd, h.files[i].record,
					    &err) < 0)
			world_die(&err, "finish");
	for (size_t i = 0; i < h.n_stash; i++)
		fd_close(h.stash[i].fd);
	for (size_t i = 0; i < h.n_files; i++) { /* out of the way of their numbers first */
		int fd = fcntl(h.files[i].fd, F_DUPFD_CLOEXEC, 300);
		CHECK(fd >= 0);
		close(h.files[i].fd);
		h.files[i].fd = fd;
	}
	for (size_t i = 0; i < h.n_files; i++) {
		if (h.files[i].id <= n)
			CHECK(dup3(h.files[i].fd, fds[h.files[i].id - 1], 0) >= 0);
		close(h.files[i].fd);
	}
	image_free(h.img);
}

/* Away and back, at the same numbers. */
static inline void carry(const int *fds, size_t n)
{
	struct world *w = calloc(1, sizeof(*w));
	if (world_dump(w, fds, n, false)) {
		const struct refusal *r = &w->c.refusals[0];
		fprintf(stderr, "refused: %s: %s\n", r->object, r->why);
		_exit(1);
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	world_restore(w, fds, n);
	image_writer_free(w->w);
	close(w->image_fd);
	arena_done(&w->arena);
	free(w);
}
#define CARRY(...)                                                                                 \
	carry((const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

/* What a dump refuses: the first reason, or NULL. The sockets stay as they are. */
static inline const char *refusal(const int *fds, size_t n, bool leave_running)
{
	static struct world w;
	return world_dump(&w, fds, n, leave_running) ? w.c.refusals[0].why : NULL;
}
#define REFUSAL(...)                                                                               \
	refusal((const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int),  \
		false)

/* ---- tests ---- */

static inline void in_child(void (*body)(void))
{
	fflush(stdout);
	fflush(stderr);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(60);
		if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmp", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0)
			_exit(77);
		body();
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* The loopback of the namespace that we are in. */
static inline void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(ioctl(fd, SIOCGIFFLAGS, &r) == 0);
	r.ifr_flags |= IFF_UP;
	CHECK(ioctl(fd, SIOCSIFFLAGS, &r) == 0);
	close(fd);
}

static inline short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };
	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static inline void expect(int fd, const char *text)
{
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)) != 0) {
		fprintf(stderr, "expected '%s', got %zd '%.*s' (errno %d)\n", text, n,
			n > 0 ? (int)n : 0, buf, errno);
		_exit(1);
	}
}

static inline void say(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static inline bool would_block(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
