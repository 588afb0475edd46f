/* SPDX-License-Identifier: Apache-2.0 */
/* exec.c - contexe exec. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"

struct request {
	struct cli *cli;
	struct contexe_exec exec;
	const char **env;
	size_t n_env;
	bool tty_given;
};

static int set(void *ctx, const char *name, const char *value)
{
	struct request *q = ctx;
	struct contexe_exec *e = &q->exec;
	if (!strcmp(name, "tty"))
		e->tty = q->tty_given = true;
	else if (!strcmp(name, "interactive"))
		e->interactive = q->tty_given = true;
	else if (!strcmp(name, "detach"))
		e->detach = true;
	else if (!strcmp(name, "privileged"))
		e->privileged = true;
	else if (!strcmp(name, "user"))
		e->user = value;
	else if (!strcmp(name, "workdir"))
		e->cwd = value;
	else if (!strcmp(name, "detach-keys"))
		e->detach_keys = value;
	else if (*value == '=' || !*value)
		return cli_usage(q->cli, "a variable needs a name");
	else if (strchr(value, '=') || getenv(value)) { /* without a value: ours, as `run` has it */
		q->env = xrealloc(q->env, (q->n_env + 2) * sizeof(*q->env));
		q->env[q->n_env++] = strchr(value, '=') ? xstrdup(value)
							: xasprintf("%s=%s", value, getenv(value));
		q->env[q->n_env] = NULL;
	}
	return 0;
}

static int exec_main(struct cli *cli, int argc, char **argv)
{
	struct request q = { .cli = cli };
	struct contexe_error err = { 0 };
	int status = 0;
	int code = args_parse(cli, argc, argv, set, &q, &argc, &argv);
	if (code == 0 && argc < 1)
		code = cli_usage(cli, "which container? its name or number is missing");
	if (code == 0)
		code = cli_open(cli);
	if (code == 0) {
		int skip = argc > 1 && !strcmp(argv[1], "--");
		q.exec.argv = (const char *const *)argv + 1 + skip;
		q.exec.env = q.env;
		if (!q.tty_given && !q.exec.detach && isatty(0) && isatty(1))
			q.exec.tty = q.exec.interactive = true;
		code = contexe_exec(cli->cx, argv[0], &q.exec, &status, &err) < 0
			       ? cli_error(cli, &err)
		       : status < 0 ? 0
				    : status;
	}
	for (size_t i = 0; i < q.n_env; i++)
		free((char *)q.env[i]);
	free(q.env);
	return code;
}

static const struct cli_option options[] = {
	{ "tty", 't', NULL, "give it a terminal", NULL },
	{ "interactive", 'i', NULL, "pass our input on", NULL },
	{ "detach", 'd', NULL, "do not wait for it", NULL },
	{ "user", 'u', "USER[:GROUP]", "who it runs as", NULL },
	{ "workdir", 'w', "DIR", "working directory inside", NULL },
	{ "env", 'e', "NAME[=VALUE]", "an environment variable more; without a value: ours", NULL },
	{ "privileged", 0, NULL, "with all capabilities and without the filter", NULL },
	{ "detach-keys", 0, "KEYS", "keys that leave it running (default: ctrl-p,ctrl-q)", NULL },
};
const struct command command_exec = {
	.name = "exec",
	.usage = "[OPTIONS] NAME [--] COMMAND [ARGUMENT...]",
	.summary = "run another command in a running container",
	.examples = "  contexe exec web ps ax\n  contexe exec -it web sh\n"
		    "  contexe exec --user postgres db psql -c 'select 1'\n",
	.complete = "container",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.stops = true,
	.run = exec_main,
};
