/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - walls [TARGET=VALUE...] [ATTACK...]: makes all attacks, or those named, and prints a line for each:
 *
 *     NAME held ERRNO      refused
 *     NAME OPEN ...        it came through
 *     NAME hung            it did not end in 20 seconds
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walls.h"

static char told[400];

void detail(const char *fmt, ...)
{
	va_list args;
	size_t n = strlen(told);
	va_start(args, fmt);
	(void)vsnprintf(told + n, sizeof(told) - n, fmt, args);
	va_end(args);
}

static void run(const struct attack *a, const struct targets *t)
{
	int ends[2], status = 0;
	char text[512] = "";
	(void)fflush(stdout);
	if (pipe(ends) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		alarm(20);
		int r = a->run(t);
		(void)dprintf(ends[1], r < 0 ? "held %s %s" : "OPEN %s%s",
			      r < 0 ? strerrorname_np(-r) : "", told);
		_exit(0);
	}
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	(void)waitpid(pid, &status, 0);
	if (n > 0)
		printf("%s %s\n", a->name, text);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("%s hung\n", a->name);
	else /* a filter may kill for it, and so may the kernel */
		printf("%s held SIG%s\n", a->name,
		       WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "?");
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

static void target(struct targets *t, const char *name, const char *value)
{
	const struct {
		const char *name;
		int *number;
		const char **text;
	} all[] = {
		{ "pid", &t->pid, NULL },
		{ "other", &t->other, NULL },
		{ "shm", &t->shm, NULL },
		{ "sem", &t->sem, NULL },
		{ "msg", &t->msg, NULL },
		{ "key", &t->key, NULL },
		{ "serial", &t->serial, NULL },
		{ "port", &t->port, NULL },
		{ "major", (int *)&t->major, NULL },
		{ "minor", (int *)&t->minor, NULL },
		{ "name", NULL, &t->name },
		{ "socket", NULL, &t->socket },
		{ "host", NULL, &t->host },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(all[i].name, name) != 0)
			continue;
		if (all[i].number)
			*all[i].number = number(value);
		else
			*all[i].text = value;
	}
}

static int wanted(const char *name, int argc, char **argv)
{
	int some = 0;
	for (int i = 1; i < argc; i++) {
		some += !strchr(argv[i], '=');
		if (!strcmp(argv[i], name))
			return 1;
	}
	return !some;
}

int main(int argc, char **argv)
{
	static const struct attack *const tables[] = { process_attacks, ipc_attacks,
						       kernel_attacks,	file_attacks,
						       proc_attacks,	net_attacks };
	struct targets t = { .pid = 1 << 20, .other = 1 << 20, .name = "none", .host = "none" };
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value)
			continue;
		*value = '\0';
		target(&t, argv[i], value + 1);
		*value = '=';
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct attack *a = tables[i]; a->name; a++)
			if (wanted(a->name, argc, argv))
				run(a, &t);
	return 0;
}
