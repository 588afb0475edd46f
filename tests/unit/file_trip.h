/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_trip.h - open files go through an image and come back: the parts of dump and restore that kinds see, without tasks. "The
 * container" is this process: its root, its /proc.
 *
 *	struct trip t;
 *	trip_begin(&t);
 *	uint64_t id = trip_add(&t, fd);    any number of them; the caller's fd stays open
 *	trip_dump(&t);
 *	... close what was open ...
 *	trip_restore(&t);
 *	int fd = trip_take(&t, id);
 *	trip_end(&t);
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "checkpoint/image/image.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_lock.h"

#define TRIP_MAX 4096

struct holder {
	struct image *img;
	struct arena *arena;
	int proc;
	bool late;
	struct trip_file *files;
	size_t n_files;
	struct {
		const char *kind;
		uint64_t key;
		int fd;
	} stash[TRIP_MAX];
	size_t n_stash;
	int external; /* what is supplied for the name "outside" */
};

struct trip_file {
	uint64_t id;
	struct file_facts f;
	const struct file_kind *kind;
	void *data; /* the kind's record, when it was collected or decoded */
	struct file_record record;
	int fd;
	bool finished;
};

struct trip {
	struct arena arena;
	struct collect c;
	struct error err;
	int image_fd;
	struct image *img;
	struct trip_file files[TRIP_MAX];
	size_t n_files;
	struct holder h;
};

/* ---- the holder ---- */

struct image *holder_image(struct holder *h)
{
	return h->img;
}

struct arena *holder_arena(struct holder *h)
{
	return h->arena;
}

int holder_proc(struct holder *h)
{
	return h->proc;
}

bool holder_late(const struct holder *h)
{
	return h->late;
}

int holder_fd(struct holder *h, uint64_t file_id, struct error *err)
{
	for (size_t i = 0; i < h->n_files; i++)
		if (h->files[i].id == file_id)
			return h->files[i].fd >= 0 ? h->files[i].fd
						   : error_set(err, EAGAIN, "not open yet");
	return error_set(err, EBADMSG, "no file %llu", (unsigned long long)file_id);
}

void holder_stash_take(struct holder *h, const char *kind, uint64_t key, int fd)
{
	assert_true(h->n_stash < TRIP_MAX);
	h->stash[h->n_stash].kind = kind;
	h->stash[h->n_stash].key = key;
	h->stash[h->n_stash++].fd = fd;
}

static size_t find_stash(struct holder *h, const char *kind, uint64_t key)
{
	size_t i = 0;
	while (i < h->n_stash && (h->stash[i].key != key || strcmp(h->stash[i].kind, kind) != 0))
		i++;
	return i;
}

int holder_stashed(struct holder *h, const char *kind, uint64_t key)
{
	size_t i = find_stash(h, kind, key);
	return i < h->n_stash ? h->stash[i].fd : FD_NONE;
}

int holder_unstash(struct holder *h, const char *kind, uint64_t key)
{
	size_t i = find_stash(h, kind, key);
	if (i == h->n_stash)
		return FD_NONE;
	int fd = h->stash[i].fd;
	h->stash[i] = h->stash[--h->n_stash];
	return fd;
}

int holder_external(struct holder *h, const char *name, struct error *err)
{
	if (h->external >= 0 && (strcmp(name, "outside") == 0 || strcmp(name, "console") == 0))
		return h->external;
	return error_set(err, ENOENT, "%s was not supplied", name);
}

int holder_copy_pages(struct holder *h, uint64_t image_offset, uint64_t n_pages, int fd,
		      uint64_t at, struct error *err)
{
	uint8_t page[IMAGE_PAGE];
	for (uint64_t i = 0; i < n_pages; i++)
		if (pread(image_fd(h->img), page, sizeof(page),
			  (off_t)(image_offset + i * IMAGE_PAGE)) != sizeof(page) ||
		    pwrite(fd, page, sizeof(page), (off_t)(at + i * IMAGE_PAGE)) != sizeof(page))
			return error_sys(err, errno, "cannot copy pages");
	return 0;
}

/* ---- there ---- */

static void trip_ok(struct trip *t, int r)
{
	char line[1200];
	if (r < 0)
		fail_msg("%d: %s", r, error_line(&t->err, line, sizeof(line)));
}

static void trip_begin(struct trip *t)
{
	memset(t, 0, sizeof(*t));
	t->image_fd = memfd_create("image", MFD_CLOEXEC);
	t->h.external = FD_NONE;
	t->c = (struct collect){
		.objects = objects_new(),
		.arena = &t->arena,
		.init = getpid(),
		.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	trip_ok(t, image_writer_new(t->image_fd, &t->c.w, &t->err));
	trip_ok(t, image_pages_begin(t->c.w, &t->err));
}

static uint64_t trip_add_by(struct trip *t, int fd, struct object_holder by)
{
	int64_t id = collect_file_take(&t->c, fcntl(fd, F_DUPFD_CLOEXEC, 500), by, &t->err);
	trip_ok(t, (int)id);
	return (uint64_t)id;
}

static uint64_t trip_add(struct trip *t, int fd)
{
	return trip_add_by(t, fd, (struct object_holder){ getpid(), fd });
}

static void trip_facts(struct trip *t, const struct object *o, struct file_facts *f)
{
	char path[64], link[4200];
	struct statfs fs;
	struct buf info = BUF_INIT;
	*f = (struct file_facts){ .id = o->id, .fd = o->fd, .by = o->holders[0] };
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", o->fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	assert_true(n > 0);
	link[n] = 0;
	f->link = arena_strdup(&t->arena, link);
	assert_int_equal(fstat(o->fd, &f->st), 0);
	assert_int_equal(fstatfs(o->fd, &fs), 0);
	f->fs = (uint64_t)fs.f_type;
	assert_int_equal(fdinfo_read(t->c.proc, o->fd, &info), 0);
	f->info = arena_strdup(&t->arena, buf_str(&info));
	buf_done(&info);
	f->flags = fcntl(o->fd, F_GETFL);
	uint64_t v = 0;
	assert_int_equal(fdinfo_number(f->info, NULL, "pos:", 10, &v), 0);
	f->pos = (int64_t)v;
	assert_int_equal(fdinfo_number(f->info, NULL, "mnt_id:", 10, &f->mnt_id), 0);
}

static void trip_collect_one(struct trip *t, const struct object *o)
{
	struct trip_file *file = &t->files[t->n_files++];
	assert_true(t->n_files <= TRIP_MAX);
	file->id = o->id;
	trip_facts(t, o, &file->f);
	struct file_match m = file_classify(&t->c, &file->f);
	file->kind = file_kind_of(&m);
	if (!file->kind)
		fail_msg("%s is of no kind (class %d, key %s)", file->f.link, m.class,
			 m.key ? m.key : "none");
	file->data = arena_alloc(&t->arena, file->kind->size);
	trip_ok(t, file->kind->collect(&t->c, &file->f, file->data, &t->err));
	file->record = (struct file_record){ .kind = (char *)file->kind->name,
					     .flags = (uint32_t)file->f.flags,
					     .owner_type = -1 };
	trip_ok(t, file_lock_collect(&t->c, &file->f, &file->record.locks, &t->err));
}

/* Returns the number of refusals; with none the image is finished. */
static size_t trip_collect(struct trip *t)
{
	char type[80];
	for (size_t i = 0; i < t->c.n_queue; i++)
		trip_collect_one(t, t->c.queue[i]);
	for (size_t i = 0; i < t->n_files; i++) {
		struct trip_file *file = &t->files[i];
		if (!t->c.n_refusals && file->kind->settle)
			trip_ok(t, file->kind->settle(&t->c, &file->f, file->data, &t->err));
	}
	for (size_t i = 0; i < t->n_files && !t->c.n_refusals; i++) {
		struct trip_file *file = &t->files[i];
		(void)snprintf(type, sizeof(type), "file.%s", file->kind->name);
		trip_ok(t, collect_put(&t->c, "file", file->id, file_record_fields, &file->record,
				       &t->err));
		trip_ok(t, collect_put(&t->c, type, file->id, file->kind->fields, file->data,
				       &t->err));
	}
	objects_free(t->c.objects);
	t->c.objects = NULL;
	return t->c.n_refusals;
}

static void trip_dump(struct trip *t)
{
	if (trip_collect(t))
		fail_msg("%s: %s", t->c.refusals[0].object, t->c.refusals[0].why);
	trip_ok(t, image_pages_end(t->c.w, &t->err));
	trip_ok(t, image_finish(t->c.w, NULL, &t->err));
}

/* That it is refused, with these words. */
static UNUSED void trip_refused(struct trip *t, const char *why)
{
	assert_int_equal(trip_collect(t), 1);
	if (!strstr(t->c.refusals[0].why, why))
		fail_msg("refused with '%s', not '%s'", t->c.refusals[0].why, why);
	assert_true(t->c.refusals[0].object[0]);
	assert_true(t->c.refusals[0].remedy[0]);
}

/* ---- and back ---- */

static bool is_late(const struct trip_file *file)
{
	return file->kind->late && file->kind->late(file->data);
}

static int trip_open(struct trip *t, bool late)
{
	for (size_t i = 0; i < t->n_files; i++) {
		struct trip_file *file = &t->files[i];
		if (is_late(file) != late)
			continue;
		file->fd = file->kind->open(&t->h, file->id, (int)file->record.flags, file->data,
					    &t->err);
		if (file->fd < 0)
			return file->fd;
	}
	return 0;
}

/* What no finish() touches may have a number that it puts something at for a moment: so the test keeps its own low. */
static int trip_finish(struct trip *t)
{
	const int settable = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;
	for (size_t i = 0; i < t->n_files; i++) {
		struct trip_file *file = &t->files[i];
		int r = 0;
		if (file->finished || file->fd < 0)
			continue;
		if (file->kind->finish)
			r = file->kind->finish(&t->h, file->id, file->fd, file->data, &t->err);
		if (r == -EAGAIN && !t->h.late)
			continue;
		if (r < 0)
			return r;
		file->finished = true;
		int flags = (int)file->record.flags, now = fcntl(file->fd, F_GETFL);
		if (!file->kind->no_flags && !(flags & O_PATH) && (now ^ flags) & settable)
			assert_int_equal(fcntl(file->fd, F_SETFL, flags), 0);
		r = file_lock_apply(file->fd, &file->record.locks, &t->err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int trip_try_restore(struct trip *t)
{
	char type[80];
	trip_ok(t, image_open(t->image_fd, &t->img, &t->err));
	t->h.img = t->img;
	t->h.arena = &t->arena;
	t->h.proc = t->c.proc;
	t->h.files = t->files;
	t->h.n_files = t->n_files;
	for (size_t i = 0; i < t->n_files; i++) {
		struct trip_file *file = &t->files[i];
		file->fd = FD_NONE;
		file->data = arena_alloc(&t->arena, file->kind->size);
		(void)snprintf(type, sizeof(type), "file.%s", file->kind->name);
		trip_ok(t, image_get(t->img, "file", file->id, file_record_fields, &t->arena,
				     &file->record, &t->err));
		trip_ok(t, image_get(t->img, type, file->id, file->kind->fields, &t->arena,
				     file->data, &t->err));
	}
	int r = trip_open(t, false);
	if (r == 0)
		r = trip_finish(t);
	t->h.late = true;
	if (r == 0)
		r = trip_open(t, true);
	return r < 0 ? r : trip_finish(t);
}

static void trip_restore(struct trip *t)
{
	trip_ok(t, trip_try_restore(t));
	for (size_t i = 0; i < t->n_files; i++) {
		struct buf b = BUF_INIT;
		if (t->files[i].kind->describe)
			t->files[i].kind->describe(t->files[i].data, &b);
		assert_true(b.len > 0 && !strchr(buf_str(&b), '\n'));
		buf_done(&b);
		/* whatever it is, the flags are the same but for O_LARGEFILE */
		assert_int_equal(fcntl(t->files[i].fd, F_GETFL) | 0100000,
				 (int)t->files[i].record.flags | 0100000);
		assert_true(fcntl(t->files[i].fd, F_GETFD) & FD_CLOEXEC);
	}
}

/* The restored descriptor, the caller's. */
static int trip_take(struct trip *t, uint64_t id)
{
	for (size_t i = 0; i < t->n_files; i++)
		if (t->files[i].id == id)
			return take_fd(&t->files[i].fd);
	fail_msg("no file %llu", (unsigned long long)id);
	return FD_NONE;
}

static void trip_end(struct trip *t)
{
	for (size_t i = 0; i < t->n_files; i++)
		if (t->img)
			fd_close(t->files[i].fd);
	for (size_t i = 0; i < t->h.n_stash; i++)
		fd_close(t->h.stash[i].fd);
	objects_free(t->c.objects);
	image_writer_free(t->c.w);
	image_free(t->img);
	fd_close(t->c.proc);
	fd_close(t->image_fd);
	arena_done(&t->arena);
}

/* ---- for the tests ---- */

/* The target of /proc/self/fd/N; static memory. */
static UNUSED const char *trip_link(int fd)
{
	static char link[4200];
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	return link;
}

/* Two descriptors of one open file? By what only that shares. */
static UNUSED bool trip_same_inode(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* ---- a directory of its own for each test ---- */

static UNUSED char dir[64]; /* of the test that runs */

static UNUSED const char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned i;
	i = (i + 1) % 4;
	(void)snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static UNUSED int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/file-paths-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static UNUSED int teardown(void **state)
{
	(void)state;
	return file_remove_tree(AT_FDCWD, dir);
}

static UNUSED void check_read(int fd, const char *text)
{
	char buf[64] = "";
	assert_int_equal(read(fd, buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
}

static UNUSED size_t count_names(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
