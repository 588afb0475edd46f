/* SPDX-License-Identifier: Apache-2.0 */
/* proc.c - open files of /proc: of itself, of a child, and plain ones. */
#include <fcntl.h>
#include <sys/wait.h>

#include "ckpt.h"

static int starts_with(int fd, const char *text)
{
	char buf[64] = "";
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	return n > 0 && strncmp(buf, text, strlen(text)) == 0;
}

int main(void)
{
	char path[64], want[64];
	ckpt_init();
	pid_t child = CKPT_SETUP(fork());
	if (child == 0)
		for (;;)
			pause();
	int stat_self = CKPT_SETUP(open("/proc/self/stat", O_RDONLY));
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", child);
	int stat_child = CKPT_SETUP(open(path, O_RDONLY));
	int dir = CKPT_SETUP(open("/proc/self", O_PATH | O_DIRECTORY));
	int version = CKPT_SETUP(open("/proc/version", O_RDONLY));
	char first[6];
	CKPT_SETUP(read(version, first, 6)); /* "Linux " */

	ckpt_ready();

	char next[8] = "";
	(void)snprintf(want, sizeof(want), "%d (", getpid());
	CKPT_CHECK(starts_with(stat_self, want), "/proc/self/stat is another one's");
	(void)snprintf(want, sizeof(want), "%d (", child);
	CKPT_CHECK(starts_with(stat_child, want), "/proc/%d/stat is another one's", child);
	int again = openat(dir, "stat", O_RDONLY);
	(void)snprintf(want, sizeof(want), "%d (", getpid());
	CKPT_CHECK(again >= 0 && starts_with(again, want), "/proc/self is another one's");
	CKPT_CHECK(read(version, next, 7) == 7 && strcmp(next, "version") == 0,
		   "the position: '%s'", next);
	kill(child, SIGKILL);
	CKPT_CHECK(waitpid(child, NULL, 0) == child, "the child is lost");
	ckpt_pass();
}
