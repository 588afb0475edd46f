/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - contexe run, contexe create, and contexe -jN. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"

struct request {
	struct cli *cli;
	struct contexe_spec *spec;
	bool detach, dry_run, tty_given, interactive;
};

static int set(void *ctx, const char *name, const char *value)
{
	struct request *q = ctx;
	struct contexe_error err = { 0 };
	if (!strcmp(name, "detach")) {
		q->detach = true;
		return 0;
	}
	if (!strcmp(name, "dry-run")) {
		q->dry_run = true;
		return 0;
	}
	if (!strcmp(name, "tty") || !strcmp(name, "interactive"))
		q->tty_given = true;
	if (contexe_spec_set(q->spec, name, value, &err) < 0) {
		(void)snprintf(err.what, sizeof(err.what), "%s", q->cli->command->name);
		return cli_error(q->cli, &err);
	}
	return 0;
}

/* Somebody sits in front of it and said nothing: a terminal is what they expect. */
static void guess_terminal(struct request *q)
{
	if (q->detach || q->tty_given || !isatty(0) || !isatty(1))
		return;
	(void)contexe_spec_set(q->spec, "tty", NULL, NULL);
	(void)contexe_spec_set(q->spec, "interactive", NULL, NULL);
}

static int dry_run(struct request *q)
{
	struct contexe_error err = { 0 };
	char *text;
	if (contexe_plan(q->cli->cx, q->spec, &text, &err) < 0)
		return cli_error(q->cli, &err);
	if (q->cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "plan", text);
		buf_putc(&out, '}');
		print_buf(&out);
	} else {
		fputs(text, stdout);
	}
	free(text);
	return 0;
}

static void tell_name(struct cli *cli, const char *name)
{
	if (!cli->json) {
		puts(name);
		return;
	}
	struct buf out = BUF_INIT;
	buf_putc(&out, '{');
	json_add(&out, "name", name);
	buf_putc(&out, '}');
	print_buf(&out);
}

static int go(struct request *q)
{
	struct contexe_error err = { 0 };
	CLEANUP_STR char *name = NULL;
	int status = 0;
	int code = cli_open(q->cli);
	if (code)
		return code;
	if (q->dry_run)
		return dry_run(q);
	if (contexe_run(q->cli->cx, q->spec, q->detach ? CONTEXE_RUN_DETACH : 0, &status, &name,
			&err) < 0)
		return cli_error(q->cli, &err);
	if (q->detach)
		tell_name(q->cli, name);
	else if (status < 0) {
		fprintf(stderr, "contexe: detached; 'contexe attach %s' goes back\n", name);
		status = 0;
	}
	return status;
}

static int run_main(struct cli *cli, int argc, char **argv)
{
	struct request q = { .cli = cli, .spec = contexe_spec_new() };
	struct contexe_error err = { 0 };
	int code = args_parse(cli, argc, argv, set, &q, &argc, &argv);
	if (code == 0) {
		guess_terminal(&q);
		if (contexe_spec_set_command(q.spec, (const char *const *)argv, &err) < 0)
			code = cli_error(cli, &err);
		else
			code = go(&q);
	}
	contexe_spec_free(q.spec);
	return code < 0 ? 0 : code;
}

int run_seed_form(struct cli *cli, int argc, char **argv)
{
	struct request q = { .cli = cli, .spec = contexe_spec_new() };
	struct contexe_error err = { 0 };
	int code = args_parse(cli, argc, argv, set, &q, &argc, &argv);
	if (code == 0) {
		guess_terminal(&q);
		/* as the program would have run without us: our input is its input, and nothing stays behind */
		(void)contexe_spec_set(q.spec, "interactive", NULL, NULL);
		(void)contexe_spec_set(q.spec, "rm", NULL, NULL);
		if (contexe_spec_set_command(q.spec, (const char *const *)argv, &err) < 0)
			code = cli_error(cli, &err);
		else
			code = go(&q);
	}
	contexe_spec_free(q.spec);
	contexe_close(cli->cx);
	return code < 0 ? 0 : code;
}

static const struct cli_option options[] = {
	{ "detach", 'd', NULL, "run in the background and print the name", NULL },
	{ "dry-run", 0, NULL, "only show what would be done", NULL },
};

const struct command command_run = {
	.name = "run",
	.usage = "[OPTIONS] [--] COMMAND [ARGUMENT...]",
	.summary = "run a command in a new container",
	.examples = "  contexe run -- bash -c 'ps ax; hostname'\n"
		    "  contexe run -it --name dev --volume .:/src --workdir /src -- bash\n"
		    "  contexe run -d --name db --memory 512m --cpus 1.5 --image redis\n"
		    "  contexe run --rm --rootfs ./busybox --read-only -- /bin/sh -c 'echo hello'\n"
		    "  contexe -j2 /bin/bash\n",
	.complete = "command",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.spec_options = true,
	.stops = true,
	.run = run_main,
};

static int create_main(struct cli *cli, int argc, char **argv)
{
	struct request q = { .cli = cli, .spec = contexe_spec_new() };
	struct contexe_error err = { 0 };
	CLEANUP_STR char *name = NULL;
	int code = args_parse(cli, argc, argv, set, &q, &argc, &argv);
	if (code == 0)
		code = cli_open(cli);
	if (code == 0 && contexe_spec_set_command(q.spec, (const char *const *)argv, &err) < 0)
		code = cli_error(cli, &err);
	if (code == 0 && q.dry_run) {
		code = dry_run(&q);
	} else if (code == 0) {
		if (contexe_create(cli->cx, q.spec, &name, &err) < 0)
			code = cli_error(cli, &err);
		else
			tell_name(cli, name);
	}
	contexe_spec_free(q.spec);
	return code;
}

const struct command command_create = {
	.name = "create",
	.usage = "[OPTIONS] [--] COMMAND [ARGUMENT...]",
	.summary = "make a container that waits to be started",
	.examples = "  contexe create --name job -- sh -c 'date; sleep 60'\n  contexe start job\n",
	.complete = "command",
	.options = options + 1,
	.n_options = ARRAY_SIZE(options) - 1,
	.spec_options = true,
	.stops = true,
	.run = create_main,
};
