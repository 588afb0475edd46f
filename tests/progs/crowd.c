/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.c - forks children that sleep until one cannot be made (or COUNT are there); prints how many there are
 * and the error, "7 EAGAIN"; takes them away again.
 *
 * usage: crowd COUNT
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0, made = 0, error = 0;
	pid_t *child = calloc((size_t)n + 1, sizeof(*child));
	while (made < n) {
		child[made] = fork();
		if (child[made] == 0) {
			pause();
			_exit(0);
		}
		if (child[made] < 0) {
			error = errno;
			break;
		}
		made++;
	}
	printf("%d %s\n", made, error ? strerrorname_np(error) : "ok");
	for (int i = 0; i < made; i++) {
		(void)kill(child[i], SIGKILL);
		(void)waitpid(child[i], NULL, 0);
	}
	free(child);
	return 0;
}
