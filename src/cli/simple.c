/* SPDX-License-Identifier: Apache-2.0 */
/* simple.c - the commands that do one thing to each container named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "cli/boot.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* ---- start ---- */

static int start_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	(void)arg;
	return contexe_start(cli->cx, ref, err);
}

static int start_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[2];
	struct contexe_error err = { 0 };
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code)
		return code;
	if (slots[1])
		return argc || slots[0] ? cli_usage(cli, "--at-boot stands alone")
					: boot_start(cli);
	if (!slots[0])
		return cli_each(cli, argc, argv, start_one, NULL);
	if (argc != 1)
		return cli_usage(cli, "--attach takes one container");
	code = cli_open(cli);
	int status = 0;
	if (code == 0 && contexe_start_attached(cli->cx, argv[0], &status, &err) < 0)
		return cli_error(cli, &err);
	return code ? code : status < 0 ? 0 : status;
}

static const struct cli_option start_options[] = {
	{ "attach", 'a', NULL, "and attach to it", NULL },
	{ "at-boot", 0, NULL, "all whose restart policy wants it when the machine boots", NULL },
};
const struct command command_start = {
	.name = "start",
	.usage = "[OPTIONS] NAME...",
	.summary = "start a created or ended container",
	.examples = "  contexe start web\n  contexe start --attach job\n"
		    "  contexe start --at-boot\n",
	.complete = "container",
	.options = start_options,
	.n_options = ARRAY_SIZE(start_options),
	.run = start_main,
};

/* ---- stop, restart ---- */

static int parse_time(struct cli *cli, const char *text, int *ret)
{
	int64_t n;
	*ret = -1;
	if (text && parse_i64(text, 0, 86400 * 365, &n) < 0)
		return cli_usage(cli, "'%s' is not a number of seconds", text);
	if (text)
		*ret = (int)n;
	return 0;
}

static int stop_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	return contexe_stop(cli->cx, ref, *(int *)arg, err);
}

static int restart_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	int r = contexe_stop(cli->cx, ref, *(int *)arg, err);
	return r < 0 ? r : contexe_start(cli->cx, ref, err);
}

static int stop_like(struct cli *cli, int argc, char **argv,
		     int (*fn)(struct cli *, const char *, void *, struct contexe_error *))
{
	const char *slots[2] = { NULL };
	int seconds;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0)
		code = parse_time(cli, slots[0], &seconds);
	if (code || !slots[1])
		return code ? code : cli_each(cli, argc, argv, fn, &seconds);
	return argc ? cli_usage(cli, "--at-shutdown names them all already")
		    : boot_stop(cli, seconds);
}

static int stop_main(struct cli *cli, int argc, char **argv)
{
	return stop_like(cli, argc, argv, stop_one);
}

static int restart_main(struct cli *cli, int argc, char **argv)
{
	return stop_like(cli, argc, argv, restart_one);
}

static const struct cli_option stop_options[] = {
	{ "time", 't', "SECONDS", "wait so long before it is killed (default: 10)", NULL },
	{ "at-shutdown", 0, NULL, "all that run; the next boot starts them as their policy says",
	  NULL },
};
const struct command command_stop = {
	.name = "stop",
	.usage = "[OPTIONS] NAME...",
	.summary = "end a container: its stop signal, then KILL",
	.examples = "  contexe stop web\n  contexe stop --time 60 db\n",
	.complete = "container",
	.options = stop_options,
	.n_options = ARRAY_SIZE(stop_options),
	.run = stop_main,
};
const struct command command_restart = {
	.name = "restart",
	.usage = "[OPTIONS] NAME...",
	.summary = "stop and start a container",
	.examples = "  contexe restart web\n",
	.complete = "container",
	.options = stop_options,
	.n_options = 1, /* --time */
	.run = restart_main,
};

/* ---- kill ---- */

struct kill {
	int sig;
	bool all;
};

static int kill_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	const struct kill *k = arg;
	return contexe_kill(cli->cx, ref, k->sig, k->all, err);
}

static int kill_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[2];
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code)
		return code;
	struct kill k = { contexe_signal_parse(slots[0] ? slots[0] : "KILL"), slots[1] != NULL };
	if (k.sig < 0)
		return cli_usage(cli, "'%s' is not a signal: a name like TERM, or 1 to 64",
				 slots[0]);
	return cli_each(cli, argc, argv, kill_one, &k);
}

static const struct cli_option kill_options[] = {
	{ "signal", 's', "SIGNAL", "which one (default: KILL)", "signal" },
	{ "all", 'a', NULL, "to every process, not only the container's program", NULL },
};
const struct command command_kill = {
	.name = "kill",
	.usage = "[OPTIONS] NAME...",
	.summary = "send a signal to a container's program",
	.examples = "  contexe kill --signal HUP web\n  contexe kill web\n",
	.complete = "container",
	.options = kill_options,
	.n_options = ARRAY_SIZE(kill_options),
	.run = kill_main,
};

/* ---- pause, resume ---- */

static int pause_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	return *(bool *)arg ? contexe_pause(cli->cx, ref, err) : contexe_resume(cli->cx, ref, err);
}

static int pause_like(struct cli *cli, int argc, char **argv, bool on)
{
	int code = args_simple(cli, argc, argv, NULL, &argc, &argv);
	return code ? code : cli_each(cli, argc, argv, pause_one, &on);
}

static int pause_main(struct cli *cli, int argc, char **argv)
{
	return pause_like(cli, argc, argv, true);
}

static int resume_main(struct cli *cli, int argc, char **argv)
{
	return pause_like(cli, argc, argv, false);
}

const struct command command_pause = {
	.name = "pause",
	.usage = "NAME...",
	.summary = "freeze a container where it is",
	.examples = "  contexe pause db\n",
	.complete = "container",
	.run = pause_main,
};
const struct command command_resume = {
	.name = "resume",
	.usage = "NAME...",
	.summary = "let a paused container go on",
	.examples = "  contexe resume db\n",
	.complete = "container",
	.run = resume_main,
};

/* ---- rm ---- */

struct names {
	char **v;
	int n;
};

static int remove_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	return contexe_remove(cli->cx, ref, *(bool *)arg, err);
}

static int all_names(struct cli *cli, bool force, struct names *ret)
{
	struct contexe_error err = { 0 };
	struct contexe_info *infos;
	size_t n;
	int code = cli_open(cli);
	if (code)
		return code;
	if (contexe_list(cli->cx, &infos, &n, &err) < 0)
		return cli_error(cli, &err);
	ret->v = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++)
		if (force || infos[i].state == CONTEXE_EXITED || infos[i].state == CONTEXE_BROKEN)
			ret->v[ret->n++] = xstrdup(infos[i].name);
	contexe_info_free(infos, n);
	return 0;
}

static int rm_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[2];
	struct names names = { 0 };
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code)
		return code;
	bool force = slots[0] != NULL;
	if (!slots[1])
		return cli_each(cli, argc, argv, remove_one, &force);
	if (argc)
		return cli_usage(cli, "--all names them all already");
	code = all_names(cli, force, &names);
	if (code == 0 && names.n)
		code = cli_each(cli, names.n, names.v, remove_one, &force);
	for (int i = 0; i < names.n; i++)
		free(names.v[i]);
	free(names.v);
	return code;
}

static const struct cli_option rm_options[] = {
	{ "force", 'f', NULL, "also when it runs: it is killed", NULL },
	{ "all", 'a', NULL, "all that have ended (with --force: all)", NULL },
};
const struct command command_rm = {
	.name = "rm",
	.usage = "[OPTIONS] NAME...",
	.summary = "remove a container with all it wrote",
	.examples = "  contexe rm web\n  contexe rm --force --all\n",
	.complete = "container",
	.options = rm_options,
	.n_options = ARRAY_SIZE(rm_options),
	.run = rm_main,
};

/* ---- wait ---- */

/* Who it is is asked before: with --rm nothing is there any more when it has ended. */
static int wait_one(struct cli *cli, const char *ref, int timeout_ms)
{
	struct contexe_error err = { 0 };
	struct contexe_info info;
	int status;
	if (contexe_info(cli->cx, ref, &info, &err) < 0)
		return cli_error(cli, &err);
	int r = contexe_wait(cli->cx, ref, timeout_ms, &status, &err);
	if (r == 0 && cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "id", info.id);
		json_add_unsigned(&out, "number", info.number);
		json_add(&out, "name", info.name);
		json_add_number(&out, "exitCode", status);
		buf_putc(&out, '}');
		print_buf(&out);
	} else if (r == 0) {
		printf("%d\n", status);
	}
	contexe_info_done(&info);
	return r < 0 ? cli_error(cli, &err) : 0;
}

static int wait_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[1];
	uint64_t ns = 0;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code)
		return code;
	if (slots[0] && (parse_duration(slots[0], &ns) < 0 || ns / 1000000 > INT32_MAX))
		return cli_usage(cli, "'%s' is not a time like 10s or 500ms", slots[0]);
	if (argc == 0)
		return cli_usage(cli, "which container? its name or number is missing");
	code = cli_open(cli);
	for (int i = 0; i < argc && !code; i++) {
		code = wait_one(cli, argv[i], slots[0] ? (int)(ns / 1000000) : -1);
	}
	return code;
}

static const struct cli_option wait_options[] = {
	{ "timeout", 't', "TIME", "give up after so long: 10s, 500ms", NULL },
};
const struct command command_wait = {
	.name = "wait",
	.usage = "[OPTIONS] NAME...",
	.summary = "wait for the end and print the exit status",
	.examples = "  contexe wait job\n  contexe wait --timeout 10s job\n",
	.complete = "container",
	.options = wait_options,
	.n_options = ARRAY_SIZE(wait_options),
	.run = wait_main,
};

/* ---- attach ---- */

static int attach_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[2];
	struct contexe_error err = { 0 };
	int status = 0;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc != 1)
		code = cli_usage(cli, "it takes one container");
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	if (contexe_attach(cli->cx, argv[0], slots[0] != NULL, slots[1], &status, &err) < 0)
		return cli_error(cli, &err);
	if (status < 0)
		fprintf(stderr, "contexe: detached\n");
	return status < 0 ? 0 : status;
}

static const struct cli_option attach_options[] = {
	{ "no-stdin", 0, NULL, "only look", NULL },
	{ "detach-keys", 0, "KEYS", "keys that leave it running (default: ctrl-p,ctrl-q)", NULL },
};
const struct command command_attach = {
	.name = "attach",
	.usage = "[OPTIONS] NAME",
	.summary = "connect this terminal to a running container",
	.examples = "  contexe attach dev        ctrl-p ctrl-q leaves it running\n",
	.complete = "container",
	.options = attach_options,
	.n_options = ARRAY_SIZE(attach_options),
	.run = attach_main,
};

/* ---- update ---- */

struct changes {
	const char **names, **values;
	size_t n;
};

static int add_change(void *ctx, const char *name, const char *value)
{
	struct changes *c = ctx;
	c->names = xrealloc(c->names, (c->n + 1) * sizeof(*c->names));
	c->values = xrealloc(c->values, (c->n + 1) * sizeof(*c->values));
	c->names[c->n] = name;
	c->values[c->n++] = value;
	return 0;
}

static int update_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	const struct changes *c = arg;
	return contexe_update(cli->cx, ref, c->names, c->values, c->n, err);
}

static int update_main(struct cli *cli, int argc, char **argv)
{
	struct changes c = { 0 };
	int code = args_parse(cli, argc, argv, add_change, &c, &argc, &argv);
	if (code == 0 && c.n == 0)
		code = cli_usage(cli, "nothing to change was named");
	if (code == 0)
		code = cli_each(cli, argc, argv, update_one, &c);
	free(c.names);
	free(c.values);
	return code;
}

const struct command command_update = {
	.name = "update",
	.usage = "[OPTIONS] NAME...",
	.summary = "change the limits of a container",
	.examples =
		"  contexe update --memory 1g --cpus 2 db\n  contexe update --restart always web\n",
	.complete = "container",
	.spec_options = true,
	.limits_only = true,
	.run = update_main,
};

/* ---- version ---- */

static int version_main(struct cli *cli, int argc, char **argv)
{
	int code = args_simple(cli, argc, argv, NULL, &argc, &argv);
	if (code == 0 && argc)
		code = cli_usage(cli, "it takes no arguments");
	if (code)
		return code;
	if (cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "version", contexe_version());
		json_add(&out, "cgroups", contexe_cgroup_layout());
		buf_putc(&out, '}');
		print_buf(&out);
	} else {
		printf("contexe %s\n", contexe_version());
	}
	return 0;
}

const struct command command_version = {
	.name = "version",
	.usage = "",
	.summary = "show the version",
	.examples = "  contexe version --json\n",
	.run = version_main,
};
