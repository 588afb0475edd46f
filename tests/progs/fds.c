/* SPDX-License-Identifier: Apache-2.0 */
/* fds.c - prints the open descriptors of this very process, "NUMBER TARGET" a line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return 1;
	for (struct dirent *de; (de = readdir(dir));) {
		char target[512];
		if (de->d_name[0] == '.' || atoi(de->d_name) == dirfd(dir))
			continue;
		ssize_t n = readlinkat(dirfd(dir), de->d_name, target, sizeof(target) - 1);
		printf("%s %.*s\n", de->d_name, n < 0 ? 0 : (int)n, target);
	}
	closedir(dir);
	return 0;
}
