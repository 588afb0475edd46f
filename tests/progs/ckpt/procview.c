/* SPDX-License-Identifier: Apache-2.0 */
/* procview.c - the container's own /proc files, open at the beginning, in the middle and at the end. */
#include <fcntl.h>
#include <sys/vfs.h>

#include "ckpt.h"

#define FUSE_MAGIC 0x65735546

static char text[1 << 20];

static ssize_t read_all(int fd)
{
	ssize_t n, all = 0;
	while ((n = read(fd, text + all, sizeof(text) - 1 - (size_t)all)) > 0)
		all += n;
	text[all] = '\0';
	return n < 0 ? n : all;
}

int main(void)
{
	static const struct {
		const char *path, *begin;
	} files[] = {
		{ "/proc/stat", "cpu " },
		{ "/proc/meminfo", "MemTotal:" },
		{ "/proc/vmstat", "nr_free_pages" },
	};
	struct statfs fs;
	int fds[3];
	char begin[5] = "";

	for (int i = 0; i < 3; i++)
		fds[i] = CKPT_SETUP(open(files[i].path, O_RDONLY));
	int ended = CKPT_SETUP(open("/proc/uptime", O_RDONLY));
	int name = CKPT_SETUP(open("/proc/loadavg", O_PATH));
	CKPT_SETUP(statfs("/proc/stat", &fs));
	if (fs.f_type != FUSE_MAGIC)
		ckpt_skip("kernel: /proc/stat is the kernel's own");
	CKPT_SETUP(read(fds[0], begin, 4));
	if (strcmp(begin, "cpu ") != 0 || read_all(ended) <= 0)
		ckpt_no_setup("/proc cannot be read");
	off_t end = lseek(ended, 0, SEEK_CUR);

	ckpt_ready();

	CKPT_CHECK(lseek(fds[0], 0, SEEK_CUR) == 4, "the position was not kept");
	CKPT_CHECK(lseek(ended, 0, SEEK_CUR) == end, "the position at the end was not kept");
	CKPT_CHECK(read_all(fds[0]) > 0 && strstr(text, "\nbtime "), "the rest cannot be read");
	for (int i = 0; i < 3; i++) {
		CKPT_CHECK(lseek(fds[i], 0, SEEK_SET) == 0, "%s: no way back", files[i].path);
		CKPT_CHECK(read_all(fds[i]) > 0, "%s: %s", files[i].path, strerror(errno));
		CKPT_CHECK(strncmp(text, files[i].begin, strlen(files[i].begin)) == 0,
			   "%s begins with '%.20s'", files[i].path, text);
	}
	CKPT_CHECK((fcntl(fds[0], F_GETFL) & O_ACCMODE) == O_RDONLY, "the flags are others");
	CKPT_CHECK(fstatfs(fds[0], &fs) == 0 && fs.f_type == FUSE_MAGIC, "it is another file");
	CKPT_CHECK(fcntl(name, F_GETFL) & O_PATH, "O_PATH was lost");
	ckpt_pass();
}
