/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - one system call, as the command line says: call NUMBER [ARGUMENT...]
 *
 * An argument is a number (0x10, -1), text ("s:/dev/null"), or that many zero bytes ("z:64"). Prints what the
 * kernel answered: a number, or the name of the error. Exit code 0 in any case, 2 for a wrong command line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long argument(const char *text)
{
	if (!strncmp(text, "s:", 2))
		return (long)(text + 2);
	if (!strncmp(text, "z:", 2))
		return (long)calloc(1, (size_t)atol(text + 2));
	return (long)strtoll(text, NULL, 0);
}

int main(int argc, char **argv)
{
	long a[6] = { 0 };
	if (argc < 2 || argc > 8)
		return 2;
	for (int i = 2; i < argc; i++)
		a[i - 2] = argument(argv[i]);
	long r = syscall(strtol(argv[1], NULL, 0), a[0], a[1], a[2], a[3], a[4], a[5]);
	if (r < 0)
		puts(strerrorname_np(errno));
	else
		printf("%ld\n", r);
	return 0;
}
