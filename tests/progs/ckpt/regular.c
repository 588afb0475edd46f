/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regular.c - regular files: position shared by dup'ed descriptors, own position of a second open, flags, append; deleted,
 * replaced and renamed ones; one with a second name.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "ckpt.h"

static int text_file(const char *name, const char *text)
{
	int fd = CKPT_SETUP(open(name, O_RDWR | O_CREAT | O_EXCL, 0644));
	CKPT_SETUP(write(fd, text, strlen(text)));
	return fd;
}

static int reads(int fd, const char *text)
{
	char buf[64];
	size_t n = strlen(text);
	return pread(fd, buf, sizeof(buf), 0) == (ssize_t)n && memcmp(buf, text, n) == 0;
}

int main(void)
{
	CKPT_SETUP(chdir(ckpt_dir()));
	int a = text_file("a", "0123456789");
	CKPT_SETUP(lseek(a, 4, SEEK_SET));
	int twin = CKPT_SETUP(dup(a));
	int reader = CKPT_SETUP(open("a", O_RDONLY | O_CLOEXEC));
	int log = CKPT_SETUP(open("log", O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, 0600));
	CKPT_SETUP(write(log, "one\n", 4));
	int path = CKPT_SETUP(open("a", O_PATH));
	int deleted = text_file("deleted", "deleted");
	CKPT_SETUP(ftruncate(deleted, 1 << 20));
	int deleted_reader = CKPT_SETUP(open("deleted", O_RDONLY));
	CKPT_SETUP(unlink("deleted"));
	int replaced = text_file("replaced", "old");
	close(text_file("new", "new"));
	CKPT_SETUP(rename("new", "replaced"));
	int renamed = text_file("before", "renamed");
	CKPT_SETUP(rename("before", "after"));
	int linked = text_file("first", "linked");
	CKPT_SETUP(link("first", "second"));
	CKPT_SETUP(unlink("first"));

	ckpt_ready();

	char c;
	struct stat st, at;
	CKPT_CHECK(read(a, &c, 1) == 1 && c == '4', "position 4 reads %c", c);
	CKPT_CHECK(read(twin, &c, 1) == 1 && c == '5', "the twin has its own position");
	CKPT_CHECK(read(reader, &c, 1) == 1 && c == '0', "the second open shares the position");
	CKPT_CHECK(write(reader, "x", 1) < 0 && errno == EBADF, "a reader can write");
	CKPT_CHECK((fcntl(reader, F_GETFD) & FD_CLOEXEC) && !(fcntl(a, F_GETFD) & FD_CLOEXEC),
		   "close-on-exec differs");
	int flags = fcntl(log, F_GETFL);
	CKPT_CHECK((flags & O_APPEND) && (flags & O_DSYNC) && (flags & O_ACCMODE) == O_WRONLY,
		   "flags of the log are %o", (unsigned)flags);
	CKPT_CHECK(lseek(log, 0, SEEK_SET) == 0 && write(log, "two\n", 4) == 4, "cannot log");
	CKPT_CHECK(stat("log", &st) == 0 && st.st_size == 8, "the log has %ld bytes",
		   (long)st.st_size);
	CKPT_CHECK(fcntl(path, F_GETFL) & O_PATH && fstat(path, &st) == 0 && stat("a", &at) == 0 &&
			   st.st_ino == at.st_ino,
		   "the O_PATH descriptor is another file");
	CKPT_CHECK(pread(deleted_reader, &c, 1, 6) == 1 && c == 'd', "the deleted file is empty");
	CKPT_CHECK(pwrite(deleted, "X", 1, 6) == 1 && pread(deleted_reader, &c, 1, 6) == 1 &&
			   c == 'X',
		   "the deleted file became two");
	CKPT_CHECK(fstat(deleted, &st) == 0 && st.st_size == 1 << 20 && st.st_nlink == 0,
		   "the deleted file has %ld bytes and %lu names", (long)st.st_size,
		   (unsigned long)st.st_nlink);
	CKPT_CHECK(access("deleted", F_OK) < 0, "the deleted file has a name");
	CKPT_CHECK(reads(replaced, "old"), "the replaced file has other content");
	int now = open("replaced", O_RDONLY);
	CKPT_CHECK(now >= 0 && reads(now, "new"), "the new file has other content");
	CKPT_CHECK(reads(renamed, "renamed"), "the renamed file has other content");
	CKPT_CHECK(fstat(linked, &st) == 0 && stat("second", &at) == 0 && st.st_ino == at.st_ino &&
			   reads(linked, "linked"),
		   "the linked file is another one");
	ckpt_pass();
}
