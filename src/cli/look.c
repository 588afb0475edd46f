/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - contexe ls, inspect, probe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* ---- ls ---- */

static void describe(const struct contexe_info *i, char *buf, size_t size)
{
	char span[40];
	uint64_t now = timestamp_now();
	switch (i->state) {
	case CONTEXE_RUNNING:
	case CONTEXE_PAUSED:
		(void)snprintf(
			buf, size, "%s %s%s", contexe_state_name(i->state),
			timestamp_span(now > i->started ? now - i->started : 0, span, sizeof(span)),
			i->supervised ? "" : " (no supervisor)");
		break;
	case CONTEXE_EXITED:
		(void)snprintf(buf, size, "exited (%d)%s%s", i->exit_status, *i->reason ? ": " : "",
			       i->reason);
		break;
	default:
		(void)snprintf(buf, size, "%s", contexe_state_name(i->state));
		break;
	}
}

static void print_info_json(const struct contexe_info *i, struct buf *out)
{
	if (out->data[out->len - 1] == '}')
		buf_putc(out, ',');
	buf_putc(out, '{');
	json_add_unsigned(out, "number", i->number);
	json_add(out, "name", i->name);
	json_add(out, "id", i->id);
	json_add(out, "state", contexe_state_name(i->state));
	json_add(out, "image", i->image);
	json_add(out, "command", i->command);
	json_add_number(out, "initPid", i->init);
	json_add_number(out, "supervisorPid", i->supervisor);
	json_add_bool(out, "supervised", i->supervised);
	json_add_time(out, "created", i->created);
	json_add_time(out, "started", i->started);
	json_add_time(out, "finished", i->finished);
	json_key(out, "exitCode");
	if (i->exit_status >= 0)
		buf_printf(out, "%d", i->exit_status);
	else
		buf_puts(out, "null");
	json_add(out, "reason", i->reason);
	json_add_unsigned(out, "restarts", i->restarts);
	buf_putc(out, '}');
}

static void print_infos(struct cli *cli, const struct contexe_info *infos, size_t n, bool all)
{
	static const char *const titles[] = { "NUMBER", "NAME", "STATE", "PID", "ROOT", "COMMAND" };
	struct table t;
	struct buf out = BUF_INIT;
	table_init(&t, titles, ARRAY_SIZE(titles));
	buf_putc(&out, '[');
	for (size_t i = 0; i < n; i++) {
		const struct contexe_info *in = &infos[i];
		if (!all && in->state == CONTEXE_EXITED)
			continue;
		if (cli->json) {
			print_info_json(in, &out);
		} else if (cli->quiet) {
			puts(in->name);
		} else {
			char state[160];
			describe(in, state, sizeof(state));
			table_cell(&t, in->number ? "%u" : "-", in->number);
			table_cell(&t, "%s", in->name);
			table_cell(&t, "%s", state);
			table_cell(&t, in->init ? "%d" : "-", in->init);
			table_cell(&t, "%.40s", in->image);
			table_cell(&t, "%.60s", in->command);
		}
	}
	buf_putc(&out, ']');
	if (cli->json)
		print_buf(&out);
	else if (!cli->quiet)
		table_print(&t);
}

static int ls_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[1];
	struct contexe_error err = { 0 };
	struct contexe_info *infos;
	size_t n;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc)
		code = cli_usage(cli, "it takes no arguments");
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	if (contexe_list(cli->cx, &infos, &n, &err) < 0)
		return cli_error(cli, &err);
	print_infos(cli, infos, n, slots[0] != NULL);
	contexe_info_free(infos, n);
	return 0;
}

static const struct cli_option ls_options[] = {
	{ "all", 'a', NULL, "those that have ended, too", NULL },
};
const struct command command_ls = {
	.name = "ls",
	.usage = "[OPTIONS]",
	.summary = "list containers",
	.examples = "  contexe ls\n  contexe ls --all --json\n",
	.options = ls_options,
	.n_options = ARRAY_SIZE(ls_options),
	.run = ls_main,
};

/* ---- inspect ---- */

/* A file that holds a container: for people, and with --json for programs. */
static int inspect_image(const struct cli *cli, const char *path)
{
	struct contexe_error err = { 0 };
	char *text;
	int r = cli->json ? contexe_checkpoint_inspect(path, &text, &err)
			  : contexe_checkpoint_describe(path, &text, &err);
	if (r < 0)
		return cli_error(cli, &err);
	fputs(text, stdout);
	if (cli->json)
		putchar('\n');
	free(text);
	return 0;
}

static int inspect_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[1];
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc == 0)
		code = cli_usage(cli, "which container or image? its name is missing");
	if (code == 0)
		code = cli_open(cli);
	for (int i = 0; i < argc && !code; i++) {
		struct contexe_error err = { 0 };
		char *json;
		if (slots[0] || strchr(argv[i], '/') || contexe_checkpoint_is_image(argv[i])) {
			code = inspect_image(cli, argv[i]);
			continue;
		}
		if (contexe_inspect(cli->cx, argv[i], &json, &err) < 0)
			return cli_error(cli, &err);
		puts(json);
		free(json);
	}
	return code;
}

static const struct cli_option inspect_options[] = {
	{ "tree", 0, NULL, "the arguments are images: show their process trees", NULL },
};
const struct command command_inspect = {
	.name = "inspect",
	.usage = "[OPTIONS] NAME|FILE...",
	.summary = "show everything about a container, or what is in an image of one",
	.examples =
		"  contexe inspect web\n  contexe inspect web.img        processes, files, memory\n"
		"  contexe inspect --json web.img\n",
	.complete = "container",
	.options = inspect_options,
	.n_options = ARRAY_SIZE(inspect_options),
	.run = inspect_main,
};

/* ---- probe ---- */

static void print_feature_json(const struct contexe_feature *f, struct buf *out)
{
	if (out->data[out->len - 1] == '}')
		buf_putc(out, ',');
	buf_putc(out, '{');
	json_add(out, "key", f->key);
	json_add(out, "title", f->title);
	json_add(out, "state", f->state);
	json_add_bool(out, "present", f->present);
	json_add_number(out, "errno", f->err);
	json_add(out, "usedFor", f->used_for);
	json_add(out, "without", f->without);
	json_add(out, "since", f->since);
	buf_putc(out, '}');
}

static void print_feature(const struct contexe_feature *f, struct table *t)
{
	table_cell(t, "%s", f->key);
	table_cell(t, "%s", f->state);
	table_cell(t, "%s", f->since);
	table_cell(t, "%s", f->present ? f->used_for : f->without);
}

static int probe_main(struct cli *cli, int argc, char **argv)
{
	static const char *const titles[] = { "FEATURE", "HERE", "SINCE", "USED FOR / WITHOUT IT" };
	struct contexe_error err = { 0 };
	struct contexe_feature *features;
	size_t n, shown = 0;
	const char *slots[1];
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && slots[0] && argc)
		code = cli_usage(cli, "--checkpoint stands alone");
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	if (slots[0])
		return checkpoint_look(cli, slots[0], CONTEXE_TCP_REFUSE);
	if (contexe_probe(cli->cx, &features, &n, &err) < 0)
		return cli_error(cli, &err);
	struct table t;
	struct buf out = BUF_INIT;
	table_init(&t, titles, ARRAY_SIZE(titles));
	buf_putc(&out, '[');
	for (size_t i = 0; i < n; i++) {
		bool wanted = argc == 0;
		for (int k = 0; k < argc; k++)
			wanted = wanted || !strcmp(argv[k], features[i].key);
		if (!wanted)
			continue;
		shown++;
		print_feature_json(&features[i], &out);
		print_feature(&features[i], &t);
	}
	buf_putc(&out, ']');
	if (argc && !shown)
		code = cli_usage(cli, "there is no feature '%s'; without arguments all are shown",
				 argv[0]);
	else if (cli->json)
		print_buf(&out);
	else {
		if (!argc)
			printf("control groups: %s\n", contexe_cgroup_layout());
		table_print(&t);
	}
	contexe_features_free(features);
	return code;
}

static const struct cli_option probe_options[] = {
	{ "checkpoint", 0, "NAME", "what would stand in the way of a checkpoint of this container",
	  "container" },
};
const struct command command_probe = {
	.name = "probe",
	.usage = "[OPTIONS] [FEATURE...]",
	.summary = "what this kernel offers and what is missing",
	.examples = "  contexe probe\n  contexe probe clone3 cgroup-kill\n  contexe probe "
		    "--checkpoint db\n",
	.options = probe_options,
	.n_options = ARRAY_SIZE(probe_options),
	.run = probe_main,
};
