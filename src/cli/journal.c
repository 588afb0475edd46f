/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - contexe logs, contexe events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/commands.h"

static int parse_time(struct cli *cli, const char *text, uint64_t *ret)
{
	*ret = 0;
	if (text && timestamp_parse(text, ret) < 0)
		return cli_usage(
			cli, "'%s' is not a time: 2026-11-22T01:15:00Z, or 10m for that long ago",
			text);
	return 0;
}

/* ---- logs ---- */

struct output {
	struct cli *cli;
	bool timestamps, middle[3];
};

static int print_piece(void *arg, enum contexe_stream stream, uint64_t time, const char *text,
		       size_t size, bool partial)
{
	struct output *o = arg;
	FILE *f = stream == CONTEXE_STDERR ? stderr : stdout;
	char stamp[TIMESTAMP_SIZE];
	if (o->cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "time", timestamp_format(time, stamp));
		json_add(&out, "stream", stream == CONTEXE_STDERR ? "stderr" : "stdout");
		json_add_bool(&out, "partial", partial);
		json_key(&out, "text");
		json_bytes(&out, text, size);
		buf_putc(&out, '}');
		print_buf(&out);
		return fflush(stdout) != 0;
	}
	if (o->timestamps && !o->middle[stream])
		fprintf(f, "%s ", timestamp_format(time, stamp));
	fwrite(text, 1, size, f);
	if (!partial)
		fputc('\n', f);
	o->middle[stream] = partial;
	return fflush(f) != 0;
}

static int logs_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[5];
	uint64_t since = 0, until = 0;
	int64_t tail = -1;
	struct contexe_error err = { 0 };
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc != 1)
		code = cli_usage(cli, "it takes one container");
	if (code == 0)
		code = parse_time(cli, slots[1], &since);
	if (code == 0)
		code = parse_time(cli, slots[2], &until);
	if (code == 0 && slots[3] && strcmp(slots[3], "all") != 0 &&
	    parse_i64(slots[3], 0, 1 << 30, &tail) < 0)
		code = cli_usage(cli, "'%s' is not a number of lines", slots[3]);
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	struct output o = { .cli = cli, .timestamps = slots[4] != NULL };
	if (contexe_logs(cli->cx, argv[0], slots[0] != NULL, since, until, (long)tail, print_piece,
			 &o, &err) < 0)
		return cli_error(cli, &err);
	return 0;
}

static const struct cli_option logs_options[] = {
	{ "follow", 'f', NULL, "go on as more comes, until the container ends", NULL },
	{ "since", 0, "TIME", "only what is newer: a time, or 10m for ten minutes ago", NULL },
	{ "until", 0, "TIME", "only what is older", NULL },
	{ "tail", 'n', "LINES", "only the last lines", NULL },
	{ "timestamps", 't', NULL, "with the time of each line", NULL },
};
const struct command command_logs = {
	.name = "logs",
	.usage = "[OPTIONS] NAME",
	.summary = "what a container wrote",
	.examples = "  contexe logs -f web\n  contexe logs --since 10m --tail 100 web\n",
	.complete = "container",
	.options = logs_options,
	.n_options = ARRAY_SIZE(logs_options),
	.run = logs_main,
};

/* ---- events ---- */

/* The value of a member in a line of the journal, which has no escapes in what we look for. */
static const char *member(const char *json, const char *key, char *buf, size_t size)
{
	char want[32];
	(void)snprintf(want, sizeof(want), "\"%s\":", key);
	const char *p = strstr(json, want);
	buf[0] = '\0';
	if (p) {
		p += strlen(want);
		p += *p == '"';
		(void)snprintf(buf, size, "%.*s", (int)strcspn(p, "\",}"), p);
	}
	return buf;
}

static int print_event(void *arg, const char *json)
{
	struct cli *cli = arg;
	char time[40], type[24], name[136], code[16];
	if (cli->json) {
		puts(json);
		return fflush(stdout) != 0;
	}
	member(json, "exitCode", code, sizeof(code));
	if (!*code)
		member(json, "signal", code, sizeof(code));
	printf("%s  %-8s  %s%s%s%s\n", member(json, "time", time, sizeof(time)),
	       member(json, "type", type, sizeof(type)), member(json, "name", name, sizeof(name)),
	       *code ? " (" : "", code, *code ? ")" : "");
	return fflush(stdout) != 0;
}

static int events_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[3];
	uint64_t since = 0, until = 0;
	struct contexe_error err = { 0 };
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc > 1)
		code = cli_usage(cli, "it takes one container at most");
	if (code == 0)
		code = parse_time(cli, slots[1], &since);
	if (code == 0)
		code = parse_time(cli, slots[2], &until);
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	if (contexe_events(cli->cx, argc ? argv[0] : NULL, slots[0] != NULL, since, until,
			   print_event, cli, &err) < 0)
		return cli_error(cli, &err);
	return 0;
}

static const struct cli_option events_options[] = {
	{ "follow", 'f', NULL, "go on as more happens", NULL },
	{ "since", 0, "TIME", "only what is newer: a time, or 10m for ten minutes ago", NULL },
	{ "until", 0, "TIME", "only what is older; with --follow: then end", NULL },
};
const struct command command_events = {
	.name = "events",
	.usage = "[OPTIONS] [NAME]",
	.summary = "what happened to containers",
	.examples = "  contexe events --since 1h\n  contexe events -f --json web\n",
	.complete = "container",
	.options = events_options,
	.n_options = ARRAY_SIZE(events_options),
	.run = events_main,
};
