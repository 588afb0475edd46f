/* SPDX-License-Identifier: Apache-2.0 */
/* boot.c - see boot.h. */
#include "cli/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/parse.h"

static int list(struct cli *cli, struct contexe_info **ret, size_t *ret_n)
{
	struct contexe_error err = { 0 };
	int code = cli_open(cli);
	if (code)
		return code;
	return contexe_list(cli->cx, ret, ret_n, &err) < 0 ? cli_error(cli, &err) : 0;
}

static void tell(const struct cli *cli, const struct contexe_info *info)
{
	if (!cli->quiet && !cli->json)
		puts(info->name);
	(void)fflush(stdout); /* before anybody forks */
}

/* Tries once what is wanted; those started are wanted no more. How many were. */
static size_t start_some(struct cli *cli, struct contexe_info *infos, size_t n,
			 struct contexe_error *errors)
{
	size_t started = 0;
	for (size_t i = 0; i < n; i++) {
		errors[i] = (struct contexe_error){ 0 };
		if (!infos[i].at_boot || contexe_start(cli->cx, infos[i].name, &errors[i]) < 0)
			continue;
		infos[i].at_boot = false;
		tell(cli, &infos[i]);
		started++;
	}
	return started;
}

int boot_start(struct cli *cli)
{
	struct contexe_info *infos;
	size_t n;
	int code = list(cli, &infos, &n);
	if (code)
		return code;
	struct contexe_error *errors = xcalloc(n + 1, sizeof(*errors));
	/* who joins another needs that one first: again, as long as it helps */
	while (start_some(cli, infos, n, errors) > 0)
		;
	for (size_t i = 0; i < n; i++)
		if (infos[i].at_boot) {
			int one = cli_error(cli, &errors[i]);
			code = one > code ? one : code;
		}
	free(errors);
	contexe_info_free(infos, n);
	return code;
}

static int shut_down(struct cli *cli, const struct contexe_info *info, int seconds)
{
	struct contexe_error err = { 0 };
	if (contexe_shutdown(cli->cx, info->name, seconds, &err) < 0)
		return cli_error(cli, &err);
	tell(cli, info);
	return 0;
}

int boot_stop(struct cli *cli, int seconds)
{
	struct contexe_info *infos;
	size_t n;
	int code = list(cli, &infos, &n), status;
	if (code)
		return code;
	(void)fflush(stdout);
	for (size_t i = 0; i < n; i++) {
		/* one that has ended may be about to be started again */
		if (!infos[i].init && !infos[i].supervised)
			continue;
		pid_t pid = fork();
		if (pid == 0)
			_exit(shut_down(cli, &infos[i], seconds));
		if (pid < 0) { /* then one after the other */
			int one = shut_down(cli, &infos[i], seconds);
			code = one > code ? one : code;
		}
	}
	pid_t pid;
	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid > 0 && status)
			code = WIFEXITED(status) && WEXITSTATUS(status) > code ? WEXITSTATUS(status)
			       : code					       ? code
									       : EXIT_CONTEXE;
	contexe_info_free(infos, n);
	return code;
}
