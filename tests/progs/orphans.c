/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphans.c - makes COUNT orphans that end at once, waits until none of them is left in /proc, not even as a
 * zombie, and exits with STATUS; with 99 when some are still there after 20 seconds.
 *
 * usage: orphans COUNT STATUS
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_processes(void)
{
	int n = 0;
	DIR *dir = opendir("/proc");
	for (struct dirent *de; dir && (de = readdir(dir));)
		n += isdigit((unsigned char)de->d_name[0]) != 0;
	if (dir)
		closedir(dir);
	return n;
}

static void make_orphans(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(fork() < 0
				      ? 1
				      : 0); /* parent and child end alike: the child is nobody's */
		if (child > 0)
			(void)waitpid(child, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	int before = count_processes();
	make_orphans(atoi(argv[1]));
	for (int i = 0; i < 2000; i++) {
		if (count_processes() <= before) {
			printf("%d reaped\n", atoi(argv[1]));
			return atoi(argv[2]);
		}
		usleep(10000);
	}
	printf("%d processes were, %d are\n", before, count_processes());
	return 99;
}
