/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c - the base room: errors, strings, arenas, descriptors, files. See also test_parse.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

/* ---- error ---- */

static void error_is_told_by_the_one_who_knows(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	char line[1024];

	assert_int_equal(error_set(&err, EEXIST, "the name is taken by container %d", 3), -EEXIST);
	assert_int_equal(error_object(&err, "web"), -EEXIST);
	assert_int_equal(error_object(&err, "outer object"), -EEXIST);
	assert_int_equal(error_hint(&err, "choose another with --name"), -EEXIST);
	assert_int_equal(error_hint(&err, "outer hint"), -EEXIST);
	assert_int_equal(error_what(&err, "inner step"), -EEXIST);
	assert_int_equal(error_what(&err, "cannot create the container"), -EEXIST);
	assert_int_equal(error_exit_code(&err, 126), -EEXIST);
	assert_int_equal(error_exit_code(&err, 1), -EEXIST);
	assert_int_equal(err.exit_code, 126);
	assert_string_equal(error_line(&err, line, sizeof(line)),
			    "cannot create the container: web: the name is taken by container 3; "
			    "choose another with --name");
}

static void error_set_erases_what_was_there(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	char line[256];

	error_set(&err, EIO, "first");
	error_object(&err, "disk");
	error_exit_code(&err, 9);
	error_set(&err, ENOENT, "second");
	assert_string_equal(error_line(&err, line, sizeof(line)), "second");
	assert_int_equal(err.err, ENOENT);
	assert_int_equal(err.exit_code, 0);
	error_clear(&err);
	assert_int_equal(err.err, 0);
	assert_string_equal(err.why, "");
}

static void error_sys_names_the_errno(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	char line[256];

	assert_int_equal(error_sys(&err, EACCES, "open %s", "/x"), -EACCES);
	assert_string_equal(err.why, "open /x: Permission denied");
	err = (struct error){ .err = ENOSPC };
	assert_string_equal(error_line(&err, line, sizeof(line)), "No space left on device");
}

static void error_text_is_cut_never_overrun(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	char text[2000], line[32];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_sys(&err, EIO, "%s", text);
	error_what(&err, "%s", text);
	error_object(&err, "%s", text);
	error_hint(&err, "%s", text);
	assert_int_equal(strlen(err.why), sizeof(err.why) - 1);
	assert_int_equal(strlen(err.what), sizeof(err.what) - 1);
	assert_int_equal(strlen(err.object), sizeof(err.object) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
	error_line(&err, line, sizeof(line));
	assert_int_equal(strlen(line), sizeof(line) - 1);
}

static void error_may_be_null(void **state UNUSED)
{
	assert_int_equal(error_set(NULL, EPERM, "nobody listens"), -EPERM);
	assert_int_equal(error_sys(NULL, EIO, "nobody listens"), -EIO);
	error_clear(NULL);
}

/* ---- buf ---- */

static void buf_grows_and_keeps_its_end(void **state UNUSED)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(buf_str(&b)), b.len);
	assert_string_equal(buf_str(&b) + b.len - 8, "998,999,");
	size_t cap = b.cap;
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.cap, cap);
	buf_putc(&b, 'a');
	buf_add(&b, "b\0c", 3);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "ab\0c", 5);
}

static void buf_take_moves_the_string(void **state UNUSED)
{
	struct buf b = BUF_INIT;
	CLEANUP_STR char *none = buf_take(&b);
	assert_string_equal(none, "");
	buf_puts(&b, "mine");
	CLEANUP_STR char *s = buf_take(&b);
	assert_string_equal(s, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void memory_helpers(void **state UNUSED)
{
	CLEANUP_STR char *s = xasprintf("%s-%d", "a", 7);
	assert_string_equal(s, "a-7");
	CLEANUP_STR char *t = xstrdup("");
	assert_string_equal(t, "");
	CLEANUP_STR char *empty = xmalloc(0);
	assert_non_null(empty);
	char *p = xcalloc(3, 4);
	for (int i = 0; i < 12; i++)
		assert_int_equal(p[i], 0);
	char *q = take_ptr(p);
	assert_null(p);
	str_cleanup(&q);
	assert_null(q);
}

/* ---- arena ---- */

static void arena_memory_is_zeroed_and_aligned(void **state UNUSED)
{
	CLEANUP_ARENA struct arena a = { 0 };

	for (size_t size = 0; size < 9000; size += 37) {
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_done(&a);
	assert_null(a.head);
	assert_string_equal(arena_strdup(&a, "again"), "again");
}

static void arena_strings(void **state UNUSED)
{
	CLEANUP_ARENA struct arena a = { 0 };
	char big[10000];

	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	char *first = arena_strndup(&a, "hello world", 5);
	char *long_one = arena_printf(&a, "%s!", big);
	assert_string_equal(first, "hello");
	assert_int_equal(strlen(long_one), sizeof(big));
	assert_string_equal(arena_printf(&a, "%d", -1), "-1");
}

static void arena_arrays_keep_their_elements(void **state UNUSED)
{
	CLEANUP_ARENA struct arena a = { 0 };
	struct item {
		long n;
		char text[24];
	} *v = NULL;
	size_t n = 0;

	for (long i = 0; i < 1000; i++) {
		struct item *new_one = arena_push(&a, v, n);
		assert_ptr_equal(new_one, &v[i]);
		assert_int_equal(v[i].n, 0);
		v[i].n = i;
	}
	assert_int_equal(n, 1000);
	for (long i = 0; i < 1000; i++)
		assert_int_equal(v[i].n, i);
}

/* ---- fd ---- */

static void fd_ownership_moves_by_word(void **state UNUSED)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int kept = take_fd(&fd);

	assert_int_equal(fd, FD_NONE);
	errno = EXDEV;
	assert_int_equal(fd_close(kept), FD_NONE);
	assert_int_equal(fd_close(FD_NONE), FD_NONE);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	{
		CLEANUP_FD int scoped = open("/dev/null", O_RDWR | O_CLOEXEC);
		kept = scoped;
		assert_true(fcntl(kept, F_GETFD) >= 0);
	}
	assert_int_equal(fcntl(kept, F_GETFD), -1);
}

static void fd_reads_and_writes_all(void **state UNUSED)
{
	enum { SIZE = 1 << 20 }; /* sixteen times what a pipe holds: many short transfers */
	CLEANUP_STR char *out = xmalloc(SIZE), *in = xcalloc(1, SIZE + 1);
	for (int i = 0; i < SIZE; i++)
		out[i] = (char)(i * 7 + (i >> 8));
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		_exit(fd_write_all(p[1], out, SIZE) == 0 ? 0 : 1);
	}
	close(p[1]);
	assert_int_equal(fd_read_all(p[0], in, SIZE + 1), SIZE); /* ends at the end of file */
	close(p[0]);
	assert_memory_equal(in, out, SIZE);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(fd_read_all(-1, in, 1), -EBADF);
}

static void fd_flags(void **state UNUSED)
{
	CLEANUP_FD int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(fd_set_cloexec(fd, 0), 0);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fd_set_cloexec(fd, 1), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fd_set_nonblock(fd, 1), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(fd, 0), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_set_cloexec(-1, 1), -EBADF);
}

static void fd_stdio_is_made_to_exist(void **state UNUSED)
{
	pid_t pid = fork();
	if (pid == 0) {
		close(0);
		close(2);
		int r = fd_sanitize_stdio();
		bool there = fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0;
		_exit(r == 0 && there && open("/dev/null", O_RDONLY | O_CLOEXEC) > 2 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- file: each test has a directory of its own, open in *state ---- */

struct dir {
	char path[64];
	int fd;
};

static int dir_make(void **state)
{
	struct dir *d = xcalloc(1, sizeof(*d));
	strcpy(d->path, "/tmp/contexe-test-base.XXXXXX");
	if (!mkdtemp(d->path))
		return -1;
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = d;
	return d->fd < 0;
}

static int dir_drop(void **state)
{
	struct dir *d = *state;
	int r = file_remove_tree(AT_FDCWD, d->path);
	r |= access(d->path, F_OK) == 0;
	close(d->fd);
	free(d);
	return r;
}

static void file_is_read_within_bounds(void **state)
{
	int dir = ((struct dir *)*state)->fd;
	CLEANUP_BUF struct buf b = BUF_INIT;
	char line[8];

	assert_int_equal(file_replace(dir, "f", 0600, "hello\n\n", 7), 0);
	assert_int_equal(file_read(dir, "f", 7, &b), 0);
	assert_string_equal(buf_str(&b), "hello\n\n");
	assert_int_equal(file_read(dir, "f", 6, &b), -EFBIG);
	assert_int_equal(file_read(dir, "none", 6, &b), -ENOENT);
	assert_int_equal(file_read_line(dir, "f", line, sizeof(line)), 5);
	assert_string_equal(line, "hello");
	assert_int_equal(file_read_line(dir, "f", line, 4), 3); /* cut, and ended */
	assert_string_equal(line, "hel");
	assert_int_equal(file_read_line(dir, "none", line, sizeof(line)), -ENOENT);
}

static void file_write_wants_an_existing_file(void **state)
{
	int dir = ((struct dir *)*state)->fd;
	char line[16];

	assert_int_equal(file_write(dir, "f", "1"), -ENOENT);
	assert_int_equal(file_replace(dir, "f", 0644, "", 0), 0);
	assert_int_equal(file_write(dir, "f", "max 100"), 0);
	assert_int_equal(file_read_line(dir, "f", line, sizeof(line)), 7);
	assert_string_equal(line, "max 100");
}

static void file_replace_leaves_old_or_new(void **state)
{
	int dir = ((struct dir *)*state)->fd;
	char line[16];
	struct stat before, after;

	assert_int_equal(file_replace(dir, "f", 0600, "old", 3), 0);
	assert_int_equal(fstatat(dir, "f", &before, 0), 0);
	assert_int_equal(before.st_mode & 07777, 0600);
	CLEANUP_FD int reader = openat(dir, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_replace(dir, "f", 0600, "new", 3), 0);
	assert_int_equal(fstatat(dir, "f", &after, 0), 0);
	assert_int_not_equal(before.st_ino, after.st_ino); /* renamed over, not written into */
	assert_int_equal(fd_read_all(reader, line, 3), 3);
	assert_memory_equal(line, "old", 3);
	/* a failure leaves no temporary file: the directory can be removed */
	assert_int_equal(mkdirat(dir, "d", 0700), 0);
	assert_int_equal(mkdirat(dir, "d/sub", 0700), 0);
	assert_int_equal(file_replace(dir, "d/sub", 0600, "x", 1), -EISDIR);
	assert_int_equal(unlinkat(dir, "d/sub", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir, "d", AT_REMOVEDIR), 0);
	assert_int_equal(file_replace(dir, "none/f", 0600, "x", 1), -ENOENT);
}

static void file_trees_are_removed_without_following(void **state)
{
	struct dir *d = *state;

	assert_int_equal(file_mkdirs(d->fd, "tree/a/b/c", 0700), 0);
	assert_int_equal(file_mkdirs(d->fd, "kept", 0700), 0);
	assert_int_equal(file_replace(d->fd, "kept/f", 0600, "x", 1), 0);
	assert_int_equal(symlinkat("../../kept", d->fd, "tree/a/link"), 0);
	assert_int_equal(symlinkat("nowhere", d->fd, "tree/dangling"), 0);
	assert_int_equal(mkfifoat(d->fd, "tree/a/b/fifo", 0600), 0);
	assert_int_equal(file_remove_tree(d->fd, "tree"), 0);
	assert_int_equal(faccessat(d->fd, "tree", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(faccessat(d->fd, "kept/f", F_OK, 0), 0);
	assert_int_equal(file_remove_tree(d->fd, "tree"), 0);	/* not there: fine */
	assert_int_equal(file_remove_tree(d->fd, "kept/f"), 0); /* a file */
	assert_int_equal(symlinkat("kept", d->fd, "to-kept"), 0);
	assert_int_equal(file_remove_tree(d->fd, "to-kept"), 0); /* the link itself */
	assert_int_equal(faccessat(d->fd, "kept", F_OK, 0), 0);
}

static void file_mkdirs_makes_every_part(void **state)
{
	struct dir *d = *state;
	struct stat st;
	char absolute[128];

	assert_int_equal(file_mkdirs(d->fd, "a/b//c", 0750), 0);
	assert_int_equal(file_mkdirs(d->fd, "a/b/c", 0750), 0);
	assert_int_equal(fstatat(d->fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	(void)snprintf(absolute, sizeof(absolute), "%s/x/y/z", d->path);
	assert_int_equal(file_mkdirs(AT_FDCWD, absolute, 0700), 0);
	assert_int_equal(faccessat(d->fd, "x/y/z", F_OK, 0), 0);
	assert_int_equal(file_replace(d->fd, "file", 0600, "", 0), 0);
	assert_int_equal(file_mkdirs(d->fd, "file/sub", 0700), -ENOTDIR);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, dir_make, dir_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_is_told_by_the_one_who_knows),
		cmocka_unit_test(error_set_erases_what_was_there),
		cmocka_unit_test(error_sys_names_the_errno),
		cmocka_unit_test(error_text_is_cut_never_overrun),
		cmocka_unit_test(error_may_be_null),
		cmocka_unit_test(buf_grows_and_keeps_its_end),
		cmocka_unit_test(buf_take_moves_the_string),
		cmocka_unit_test(memory_helpers),
		cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
		cmocka_unit_test(arena_strings),
		cmocka_unit_test(arena_arrays_keep_their_elements),
		cmocka_unit_test(fd_ownership_moves_by_word),
		cmocka_unit_test(fd_reads_and_writes_all),
		cmocka_unit_test(fd_flags),
		cmocka_unit_test(fd_stdio_is_made_to_exist),
		IN_DIR(file_is_read_within_bounds),
		IN_DIR(file_write_wants_an_existing_file),
		IN_DIR(file_replace_leaves_old_or_new),
		IN_DIR(file_trees_are_removed_without_following),
		IN_DIR(file_mkdirs_makes_every_part),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
