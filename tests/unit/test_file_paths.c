/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_file_paths.c - live round trips of open files that are found by their path: regular files, directories, links, devices,
 * watches, files of the kernel; deleted and renamed ones; what is refused, there and on the way back.
 */
#include "file_trip.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static struct trip t;
static char path_byte[1];
static int make(const char *name, const char *text)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_EXCL, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

/* One open file there and back. */
static int round_trip(int fd)
{
	assert_true(fd >= 0);
	trip_begin(&t);
	uint64_t id = trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
	trip_restore(&t);
	return trip_take(&t, id);
}

/* Collected with fd; then something happens, and making it again fails with these words. */
static void check_not_restored(const char *why)
{
	char line[1400];
	assert_true(trip_try_restore(&t) < 0);
	(void)error_line(&t.err, line, sizeof(line));
	if (!strstr(line, why))
		fail_msg("'%s' does not say '%s'", line, why);
	assert_true(strstr(line, dir) != NULL);
	trip_end(&t);
}

static void dump_one(int fd)
{
	trip_begin(&t);
	trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
}

/* ---- regular files ---- */

static void test_regular(void **state)
{
	(void)state;
	close(make("a", "0123456789"));
	int fd = open(in_dir("a"), O_RDONLY | O_NOFOLLOW);
	assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
	fd = round_trip(fd);
	check_read(fd, "456789");
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	trip_end(&t);

	fd = open(in_dir("a"), O_WRONLY | O_APPEND | O_SYNC | O_NONBLOCK);
	assert_int_equal(lseek(fd, 1 << 20, SEEK_SET), 1 << 20);
	fd = round_trip(fd);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 1 << 20);
	assert_int_equal(write(fd, "AB", 2), 2);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 12);
	close(fd);
	trip_end(&t);

	fd = round_trip(open(in_dir("a"), O_PATH));
	assert_string_equal(trip_link(fd), in_dir("a"));
	assert_int_equal(read(fd, path_byte, 1), -1);
	assert_int_equal(errno, EBADF);
	close(fd);
	trip_end(&t);
}

static void test_name_that_looks_deleted(void **state)
{
	(void)state;
	int fd = round_trip(make("x (deleted)", "real"));
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	close(fd);
	trip_end(&t);
}

static void test_deleted(void **state)
{
	(void)state;
	int fd = make("gone", "begin");
	struct stat before, after;
	char buf[64] = "";
	assert_int_equal(pwrite(fd, "end", 3, (8 << 20) + 5), 3); /* a hole between */
	assert_int_equal(fchown(fd, 7, 8), 0);
	assert_int_equal(fchmod(fd, 04751), 0);
	bool attributes = fsetxattr(fd, "user.colour", "red", 3, 0) == 0; /* tmpfs: since 6.6 */
	const struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 7 } };
	assert_int_equal(futimens(fd, times), 0);
	int reader = open(in_dir("gone"), O_RDONLY | O_NOATIME);
	assert_int_equal(unlink(in_dir("gone")), 0);
	assert_int_equal(fstat(fd, &before), 0);
	trip_begin(&t);
	uint64_t a = trip_add(&t, fd), b = trip_add(&t, reader);
	trip_dump(&t);
	close(fd);
	close(reader);
	struct stat parent;
	assert_int_equal(stat(dir, &parent), 0);
	trip_restore(&t);
	fd = trip_take(&t, a);
	reader = trip_take(&t, b);
	assert_true(trip_same_inode(fd, reader));
	assert_string_equal(trip_link(fd), in_dir("gone (deleted)"));
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(after.st_nlink, 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_blocks, before.st_blocks);
	assert_int_equal(after.st_uid, 7);
	assert_int_equal(after.st_gid, 8);
	assert_int_equal(after.st_atim.tv_sec, 1000000000);
	assert_int_equal(after.st_mtim.tv_sec, 1100000000);
	assert_int_equal(after.st_mtim.tv_nsec, 7);
	assert_int_equal(fgetxattr(fd, "user.colour", buf, sizeof(buf)), attributes ? 3 : -1);
	assert_memory_equal(buf, attributes ? "red" : "\0\0\0", 3);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
	assert_int_equal(pread(reader, buf, 3, (8 << 20) + 5), 3);
	assert_memory_equal(buf, "end", 3);
	assert_int_equal(pread(reader, buf, 5, 0), 5);
	assert_memory_equal(buf, "begin", 5);
	assert_int_equal(pwrite(fd, "B", 1, 0), 1);
	assert_int_equal(pread(reader, buf, 1, 0), 1);
	assert_int_equal(buf[0], 'B');
	/* nothing is left, and the directory was not written to, as far as its times tell */
	assert_int_equal(count_names(dir), 0);
	struct stat again;
	assert_int_equal(stat(dir, &again), 0);
	assert_memory_equal(&again.st_mtim, &parent.st_mtim, sizeof(parent.st_mtim));
	close(fd);
	close(reader);
	trip_end(&t);
}

/* O_TMPFILE: it may be given a name later. */
static void test_nameless(void **state)
{
	(void)state;
	char path[40];
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	assert_int_equal(write(fd, "later", 5), 5);
	trip_begin(&t);
	uint64_t id = trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
	trip_ok(&t, trip_try_restore(&t));
	fd = trip_take(&t, id);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, in_dir("named"), AT_SYMLINK_FOLLOW), 0);
	close(fd);
	fd = open(in_dir("named"), O_RDONLY);
	check_read(fd, "later");
	close(fd);
	trip_end(&t);
}

static void test_replaced(void **state)
{
	(void)state;
	int fd = make("f", "old");
	close(make("new", "new"));
	assert_int_equal(rename(in_dir("new"), in_dir("f")), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	fd = round_trip(fd);
	check_read(fd, "old");
	assert_int_equal(count_names(dir), 1);
	close(fd);
	fd = open(in_dir("f"), O_RDONLY);
	check_read(fd, "new");
	close(fd);
	trip_end(&t);
}

static void test_deleted_with_its_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_dir("d"), 0755), 0);
	assert_int_equal(mkdir(in_dir("d/e"), 0755), 0);
	int fd = make("d/e/f", "deep");
	assert_int_equal(unlink(in_dir("d/e/f")), 0);
	assert_int_equal(rmdir(in_dir("d/e")), 0);
	assert_int_equal(rmdir(in_dir("d")), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	fd = round_trip(fd);
	check_read(fd, "deep");
	assert_int_equal(count_names(dir), 0);
	close(fd);
	trip_end(&t);
}

/* Its first name is gone, another one is left. */
static void test_other_name(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_dir("sub"), 0755), 0);
	int fd = make("first", "linked");
	assert_int_equal(link(in_dir("first"), in_dir("sub/second")), 0);
	assert_int_equal(unlink(in_dir("first")), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	fd = round_trip(fd);
	check_read(fd, "linked");
	assert_string_equal(trip_link(fd), in_dir("first (deleted)"));
	int other = open(in_dir("sub/second"), O_RDONLY);
	assert_true(trip_same_inode(fd, other));
	assert_int_equal(count_names(dir), 1);
	close(other);
	close(fd);
	trip_end(&t);
}

static void test_locks(void **state)
{
	(void)state;
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20 };
	int fd = make("locked", "some text that has some length here");
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	fl = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100 };
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	fd = round_trip(fd);
	int other = open(in_dir("locked"), O_RDWR);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(flock(other, LOCK_SH | LOCK_NB), 0);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	assert_int_equal(fcntl(other, F_OFD_GETLK, &fl), 0);
	assert_int_equal(fl.l_type, F_WRLCK);
	assert_int_equal(fl.l_start, 10);
	assert_int_equal(fl.l_len, 20);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 30 };
	assert_int_equal(fcntl(other, F_OFD_GETLK, &fl), 0);
	assert_int_equal(fl.l_type, F_RDLCK);
	assert_int_equal(fl.l_start, 100);
	assert_int_equal(fl.l_len, 0);
	close(fd);
	trip_end(&t);

	/* somebody else has it now */
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	fd = open(in_dir("locked"), O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	dump_one(fd);
	other = open(in_dir("locked"), O_RDWR);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(trip_try_restore(&t), -EAGAIN);
	close(other);
	trip_end(&t);

	fd = open(in_dir("locked"), O_RDWR);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	assert_int_equal(fcntl(fd, F_SETLK, &fl), 0);
	struct file_facts f = { .fd = fd,
				.link = "x",
				.info = "lock:\t1: POSIX  ADVISORY  WRITE 1 "
					"fe:00:1 0 EOF\n" };
	struct list locks;
	trip_begin(&t);
	assert_int_equal(file_lock_collect(&t.c, &f, &locks, &t.err), 0);
	assert_int_equal(t.c.n_refusals, 1);
	trip_end(&t);
	close(fd);
}

static void test_regular_that_changed(void **state)
{
	(void)state;
	close(make("f", "0123456789"));
	dump_one(open(in_dir("f"), O_RDONLY));
	assert_int_equal(truncate(in_dir("f"), 5), 0);
	check_not_restored("became shorter");

	dump_one(open(in_dir("f"), O_RDONLY));
	assert_int_equal(unlink(in_dir("f")), 0);
	check_not_restored("No such file");

	dump_one(make("f", "text"));
	assert_int_equal(unlink(in_dir("f")), 0);
	assert_int_equal(mkdir(in_dir("f"), 0755), 0);
	check_not_restored("was a regular file at the checkpoint and is a directory now");
	assert_int_equal(rmdir(in_dir("f")), 0);

	/* a path that leads elsewhere by a link is not followed */
	dump_one(make("f", "text"));
	assert_int_equal(rename(in_dir("f"), in_dir("g")), 0);
	assert_int_equal(symlink("g", in_dir("f")), 0);
	check_not_restored("is a symbolic link now");
	assert_int_equal(unlink(in_dir("f")), 0);

	/* grown is no harm, unless its pages are relied on */
	for (int mapped = 0; mapped < 2; mapped++) {
		int fd = open(in_dir("g"), O_RDONLY);
		trip_begin(&t);
		trip_add_by(&t, fd, (struct object_holder){ getpid(), mapped ? -1 : fd });
		trip_dump(&t);
		close(fd);
		fd = open(in_dir("g"), O_WRONLY | O_APPEND);
		assert_int_equal(write(fd, "more", 4), 4);
		close(fd);
		if (mapped) {
			check_not_restored("is mapped, and was changed");
		} else {
			trip_restore(&t);
			trip_end(&t);
		}
	}
}

static void test_not_in_the_tree(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_dir("root"), 0755), 0);
	int fd = make("outside", "x");
	trip_begin(&t);
	trip_add(&t, fd);
	/* the container is a process with another root */
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		if (chroot(in_dir("root")) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	t.c.init = child;
	trip_refused(&t, "not found at this path of the container");
	trip_end(&t);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* ---- directories, links, devices ---- */

static void test_directory(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		char name[8];
		(void)snprintf(name, sizeof(name), "f%d", i);
		close(make(name, ""));
	}
	DIR *d = opendir(dir);
	char next[256];
	for (int i = 0; i < 5; i++)
		assert_non_null(readdir(d));
	long at = telldir(d);
	(void)snprintf(next, sizeof(next), "%s", readdir(d)->d_name);
	seekdir(d, at);
	assert_int_equal(lseek(dirfd(d), at, SEEK_SET), at);
	int fd = fcntl(dirfd(d), F_DUPFD_CLOEXEC, 0);
	trip_begin(&t);
	uint64_t id = trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
	closedir(d);
	trip_restore(&t);
	d = fdopendir(trip_take(&t, id));
	assert_string_equal(readdir(d)->d_name, next);
	closedir(d);
	trip_end(&t);

	fd = round_trip(open(dir, O_PATH | O_DIRECTORY));
	assert_string_equal(trip_link(fd), dir);
	close(fd);
	trip_end(&t);
}

static void test_removed_directory(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(mkdir(in_dir("cwd"), 01775), 0);
	assert_int_equal(chmod(in_dir("cwd"), 01775), 0);
	int fd = open(in_dir("cwd"), O_PATH | O_DIRECTORY);
	int second = open(in_dir("cwd"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(rmdir(in_dir("cwd")), 0);
	trip_begin(&t);
	uint64_t a = trip_add(&t, fd), b = trip_add(&t, second);
	trip_dump(&t);
	close(fd);
	close(second);
	trip_restore(&t);
	fd = trip_take(&t, a);
	second = trip_take(&t, b);
	assert_true(trip_same_inode(fd, second));
	assert_string_equal(trip_link(fd), in_dir("cwd (deleted)"));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01775);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(openat(second, "new", O_CREAT | O_WRONLY, 0600), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(count_names(dir), 0);
	close(fd);
	close(second);
	trip_end(&t);
}

static void test_symlink(void **state)
{
	(void)state;
	char target[16] = "";
	assert_int_equal(symlink("nowhere", in_dir("link")), 0);
	int fd = round_trip(open(in_dir("link"), O_PATH | O_NOFOLLOW));
	assert_int_equal(readlinkat(fd, "", target, sizeof(target) - 1), 7);
	assert_string_equal(target, "nowhere");
	close(fd);
	trip_end(&t);
}

static void test_device(void **state)
{
	(void)state;
	char buf[4] = "abc";
	int fd = round_trip(open("/dev/zero", O_RDWR));
	assert_int_equal(read(fd, buf, 3), 3);
	assert_memory_equal(buf, "\0\0\0", 3);
	close(fd);
	trip_end(&t);
	fd = round_trip(open("/dev/full", O_WRONLY | O_APPEND));
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
	close(fd);
	trip_end(&t);
	/* opened at a path that is not there any more */
	assert_int_equal(mknod(in_dir("null"), S_IFCHR | 0666, makedev(1, 3)), 0);
	fd = open(in_dir("null"), O_RDWR);
	assert_int_equal(unlink(in_dir("null")), 0);
	fd = round_trip(fd);
	assert_string_equal(trip_link(fd), "/dev/null");
	close(fd);
	trip_end(&t);
}

/* ---- inotify ---- */

static void check_event(int fd, int wd, uint32_t mask, const char *name)
{
	char buf[1024] __attribute__((aligned(8)));
	const struct inotify_event *ev = (const void *)buf;
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(ev->wd, wd);
	assert_int_equal(ev->mask, mask);
	if (name)
		assert_string_equal(ev->name, name);
}

static void test_inotify(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_dir("watched"), 0755), 0);
	close(make("file", ""));
	int fd = inotify_init1(IN_NONBLOCK);
	for (int i = 1; i <= 40; i++) { /* numbers 1 to 40 are used up */
		assert_int_equal(inotify_add_watch(fd, dir, IN_CREATE), i);
		assert_int_equal(inotify_rm_watch(fd, i), 0);
	}
	int w = inotify_add_watch(fd, in_dir("watched"), IN_CREATE | IN_DELETE | IN_EXCL_UNLINK);
	int f = inotify_add_watch(fd, in_dir("file"), IN_CLOSE_WRITE);
	assert_int_equal(w, 41);
	char buf[4096];
	trip_begin(&t);
	trip_add(&t, fd);
	trip_refused(&t, "events that nobody has read");
	trip_end(&t);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	fd = round_trip(fd);
	assert_int_equal(read(fd, buf, sizeof(buf)), -1); /* nothing that restoring did */
	close(make("watched/x", ""));
	check_event(fd, w, IN_CREATE, "x");
	close(open(in_dir("file"), O_WRONLY));
	check_event(fd, f, IN_CLOSE_WRITE, NULL);
	assert_int_equal(inotify_add_watch(fd, in_dir("watched"), IN_DELETE | IN_MASK_ADD), w);
	assert_int_equal(inotify_add_watch(fd, dir, IN_DELETE), 43);
	close(fd);
	trip_end(&t);
}

/* ---- files of the kernel ---- */

static void test_proc(void **state)
{
	(void)state;
	char a[64] = "", b[64] = "", path[64];
	int fd = open("/proc/self/status", O_RDONLY);
	assert_int_equal(read(fd, a, 20), 20);
	assert_int_equal(pread(fd, a, 20, 20), 20);
	fd = round_trip(fd);
	assert_int_equal(read(fd, b, 20), 20);
	assert_string_equal(a, b);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", getpid());
	assert_string_equal(trip_link(fd), path);
	assert_true(t.files[0].kind->late(t.files[0].data));
	close(fd);
	trip_end(&t);

	fd = round_trip(open("/proc/sys/kernel/ostype", O_RDONLY));
	check_read(fd, "Linux\n");
	assert_false(t.files[0].kind->late(t.files[0].data));
	close(fd);
	trip_end(&t);

	fd = round_trip(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	close(fd);
	trip_end(&t);
}

static void test_kernfs(void **state)
{
	(void)state;
	int fd = round_trip(open("/sys/kernel/uevent_seqnum", O_RDONLY));
	char buf[32];
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	close(fd);
	trip_end(&t);
	fd = round_trip(open("/sys/kernel", O_RDONLY | O_DIRECTORY));
	assert_string_equal(trip_link(fd), "/sys/kernel");
	close(fd);
	trip_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_regular),
		TEST(test_name_that_looks_deleted),
		TEST(test_deleted),
		TEST(test_nameless),
		TEST(test_replaced),
		TEST(test_deleted_with_its_directory),
		TEST(test_other_name),
		TEST(test_locks),
		TEST(test_regular_that_changed),
		TEST(test_not_in_the_tree),
		TEST(test_directory),
		TEST(test_removed_directory),
		TEST(test_symlink),
		TEST(test_device),
		TEST(test_inotify),
		TEST(test_proc),
		TEST(test_kernfs),
	};
	if (geteuid() != 0) {
		printf("needs root\n");
		return 77;
	}
	return cmocka_run_group_tests_name("file_paths", tests, NULL, NULL);
}
