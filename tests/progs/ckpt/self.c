/* SPDX-License-Identifier: Apache-2.0 */
/* self.c - what a process can read of itself: command line, environment, auxiliary vector, program. */
#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>

#include "ckpt.h"

static ssize_t slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size);
	close(fd);
	return n;
}

static const char *const paths[] = { "/proc/self/cmdline", "/proc/self/environ",
				     "/proc/self/auxv" };
#define N (sizeof(paths) / sizeof(paths[0]))

int main(int argc, char **argv)
{
	static char before[N][65536], after[65536], exe[512], exe_now[512];
	ssize_t n[N];
	(void)argc;
	setenv("CKPT_LATER", "1", 1); /* not seen in /proc */
	argv[0][0] = argv[0][0] == '/' ? '/' : argv[0][0];
	for (size_t i = 0; i < N; i++)
		n[i] = CKPT_SETUP(slurp(paths[i], before[i], sizeof(before[i])));
	CKPT_SETUP(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	unsigned long page = getauxval(AT_PAGESZ), entry = getauxval(AT_ENTRY);
	char *break_before = sbrk(0);

	ckpt_ready();

	for (size_t i = 0; i < N; i++) {
		ssize_t now = slurp(paths[i], after, sizeof(after));
		CKPT_CHECK(now == n[i] && memcmp(before[i], after, (size_t)now) == 0,
			   "%s has changed: %zd bytes, not %zd", paths[i], now, n[i]);
	}
	CKPT_CHECK(readlink("/proc/self/exe", exe_now, sizeof(exe_now) - 1) > 0 &&
			   strcmp(exe, exe_now) == 0,
		   "the program is %s, not %s", exe_now, exe);
	CKPT_CHECK(getauxval(AT_PAGESZ) == page && getauxval(AT_ENTRY) == entry, "getauxval");
	CKPT_CHECK(sbrk(0) == break_before, "the break has moved");
	CKPT_CHECK(sbrk(1 << 20) == break_before && memset(break_before, 1, 1 << 20), "sbrk");
	CKPT_CHECK(getenv("CKPT_LATER"), "the environment is another");
	ckpt_pass();
}
