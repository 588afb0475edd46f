/* SPDX-License-Identifier: Apache-2.0 */
/* namespace.c - open files of /proc/self/ns are still one's own namespaces. */
#include <fcntl.h>
#include <sys/stat.h>

#include "ckpt.h"

int main(void)
{
	static const char *const names[] = { "uts", "net", "pid", "ipc", "mnt" };
	char path[32];
	int fd[5];
	for (int i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		fd[i] = CKPT_SETUP(open(path, O_RDONLY | O_CLOEXEC));
	}

	ckpt_ready();

	for (int i = 0; i < 5; i++) {
		struct stat a, b;
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		CKPT_CHECK(stat(path, &a) == 0 && fstat(fd[i], &b) == 0 && a.st_ino == b.st_ino,
			   "the open %s namespace is another one", names[i]);
	}
	ckpt_pass();
}
