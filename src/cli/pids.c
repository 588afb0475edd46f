/* SPDX-License-Identifier: Apache-2.0 */
/* pids.c - contexe ps, contexe pid: processes and their names in every pid space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"

/* ---- ps ---- */

static void add_process_json(const struct contexe_process *p, struct buf *out)
{
	if (out->data[out->len - 1] == '}')
		buf_putc(out, ',');
	buf_putc(out, '{');
	json_add(out, "pidspace", p->pidspace);
	json_add_number(out, "vpid", p->vpid);
	json_add_number(out, "vppid", p->vppid);
	json_add_number(out, "vpgrp", p->vpgrp);
	json_add_number(out, "vsid", p->vsid);
	json_add_number(out, "pid", p->pid);
	json_add_number(out, "ppid", p->ppid);
	json_add_number(out, "pgrp", p->pgrp);
	json_add_number(out, "sid", p->sid);
	json_add_number(out, "uid", p->uid);
	json_add(out, "state", (char[]){ p->state, 0 });
	json_add_number(out, "threads", p->threads);
	json_add_unsigned(out, "rss", p->rss);
	json_add(out, "comm", p->comm);
	json_add(out, "command", p->cmdline);
	buf_putc(out, '}');
}

static void add_row(struct table *t, const struct contexe_process *p, unsigned indent)
{
	char size[16];
	table_cell(t, "%s", p->pidspace);
	table_cell(t, "%d", p->vpid);
	table_cell(t, "%d", p->vppid);
	table_cell(t, "%d", p->vpgrp);
	table_cell(t, "%d", p->vsid);
	table_cell(t, "%d", p->pid);
	table_cell(t, "%d", p->ppid);
	table_cell(t, "%d", p->pgrp);
	table_cell(t, "%d", p->sid);
	table_cell(t, "%d", (int)p->uid);
	table_cell(t, "%c", p->state);
	table_cell(t, "%s", format_size(p->rss, size, sizeof(size)));
	table_cell(t, "%*s%.80s", (int)indent * 2, "", p->cmdline);
}

/* Children below their parents; those whose parent is not shown come first. */
static void add_tree(struct table *t, const struct contexe_process *p, size_t n, pid_t parent,
		     unsigned indent)
{
	for (size_t i = 0; i < n; i++) {
		bool root = indent == 0;
		for (size_t k = 0; root && k < n; k++)
			if (p[k].pid == p[i].ppid)
				root = false;
		if (indent == 0 ? !root : p[i].ppid != parent)
			continue;
		add_row(t, &p[i], indent);
		if (indent < 64)
			add_tree(t, p, n, p[i].pid, indent + 1);
	}
}

static int print_processes(struct cli *cli, const struct contexe_process *p, size_t n, bool tree)
{
	static const char *const titles[] = { "SPACE", "VPID", "VPPID",	 "VPGRP", "VSID",
					      "PID",   "PPID", "PGRP",	 "SID",	  "UID",
					      "S",     "RSS",  "COMMAND" };
	if (cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '[');
		for (size_t i = 0; i < n; i++)
			add_process_json(&p[i], &out);
		buf_putc(&out, ']');
		print_buf(&out);
		return 0;
	}
	if (cli->quiet) {
		for (size_t i = 0; i < n; i++)
			printf("<%s|%d>\n", p[i].pidspace, p[i].vpid);
		return 0;
	}
	struct table t;
	table_init(&t, titles, ARRAY_SIZE(titles));
	t.right = 0xbfe & ~(1u << 10);
	if (tree)
		add_tree(&t, p, n, 0, 0);
	else
		for (size_t i = 0; i < n; i++)
			add_row(&t, &p[i], 0);
	table_print(&t);
	return 0;
}

/* Without a name: the processes of all containers, that is, all that are not in our own space. */
static int ps_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[1];
	struct contexe_error err = { 0 };
	struct contexe_process *p;
	size_t n;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc > 1)
		code = cli_usage(cli, "it takes one container at most");
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	if (contexe_processes(cli->cx, argc ? argv[0] : NULL, &p, &n, &err) < 0)
		return cli_error(cli, &err);
	size_t kept = n;
	if (!argc) {
		kept = 0;
		for (size_t i = 0; i < n; i++)
			if (strcmp(p[i].pidspace, "0") != 0) {
				struct contexe_process tmp = p[kept];
				p[kept++] = p[i];
				p[i] = tmp;
			}
	}
	code = print_processes(cli, p, kept, slots[0] != NULL);
	contexe_processes_free(p, n);
	return code;
}

static const struct cli_option ps_options[] = {
	{ "tree", 't', NULL, "children below their parents", NULL },
};
const struct command command_ps = {
	.name = "ps",
	.usage = "[OPTIONS] [CONTAINER]",
	.summary = "processes, by their names inside and outside",
	.examples = "  contexe ps web            one container, and what is nested in it\n"
		    "  contexe ps                all containers\n"
		    "  contexe ps 0 --tree       the global view\n",
	.complete = "container",
	.options = ps_options,
	.n_options = ARRAY_SIZE(ps_options),
	.run = ps_main,
};

/* ---- pid ---- */

static const char *const kind_names[] = {
	[CONTEXE_PID] = "pid",
	[CONTEXE_TGID] = "tgid",
	[CONTEXE_PGRP] = "pgrp",
	[CONTEXE_SID] = "sid",
};

static int parse_kind(struct cli *cli, const char *text, enum contexe_pid_kind *ret)
{
	*ret = CONTEXE_PID;
	for (size_t i = 0; text && i < ARRAY_SIZE(kind_names); i++)
		if (!strcmp(text, kind_names[i])) {
			*ret = (enum contexe_pid_kind)i;
			return 0;
		}
	return text ? cli_usage(cli, "'%s' is not one of pid, tgid, pgrp, sid", text) : 0;
}

static void print_answer(struct cli *cli, const char *process, const char *context,
			 enum contexe_pid_kind kind, const struct contexe_pid_answer *a)
{
	if (cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "process", process);
		json_add(&out, "context", context ? context : "0");
		json_add(&out, "kind", kind_names[kind]);
		json_add_bool(&out, "visible", a->visible);
		json_add_bool(&out, "crosses", a->crosses);
		json_add_number(&out, "vpid", a->vpid);
		json_add_number(&out, "pid", a->visible ? a->pid : -1);
		json_add(&out, "name", a->name);
		buf_putc(&out, '}');
		print_buf(&out);
	} else if (!a->visible) {
		puts("-1");
	} else if (a->crosses && !cli->quiet && a->pid) {
		printf("%s %d\n", a->name, a->pid);
	} else if (a->crosses) {
		printf("%s\n", a->name);
	} else {
		printf("%d\n", a->vpid);
	}
}

static int pid_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[2];
	struct contexe_error err = { 0 };
	enum contexe_pid_kind kind;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc != 1)
		code = cli_usage(
			cli, "it takes one process: a pid, <PIDSPACE|VPID>, a container's name or "
			     "cont_N");
	if (code == 0)
		code = parse_kind(cli, slots[1], &kind);
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	struct contexe_pid_answer a;
	char self[16];
	const char *process = argv[0];
	if (!strcmp(process, "self")) { /* who asks: the shell in front of us */
		(void)snprintf(self, sizeof(self), "%d", getppid());
		process = self;
	}
	if (contexe_pid_translate(cli->cx, process, slots[0], kind, &a, &err) < 0)
		return cli_error(cli, &err);
	print_answer(cli, argv[0], slots[0], kind, &a);
	return 0;
}

static const struct cli_option pid_options[] = {
	{ "in", 'i', "CONTEXT",
	  "who asks: a pid, <PIDSPACE|VPID>, a container's name or cont_N (default: the machine)",
	  "container" },
	{ "kind", 'k', "pid|tgid|pgrp|sid", "which id (default: pid)", "pid tgid pgrp sid" },
};
const struct command command_pid = {
	.name = "pid",
	.usage = "PROCESS [--in CONTEXT]",
	.summary = "how a process is called in another's context",
	.examples = "  contexe pid '<1|2>'              on this machine: its name, and the number "
		    "kill(1) takes\n"
		    "  contexe pid 4711 --in web        as the processes of web see it; -1: they "
		    "do not\n"
		    "  contexe pid 4711 --kind sid\n",
	.complete = "container",
	.options = pid_options,
	.n_options = ARRAY_SIZE(pid_options),
	.run = pid_main,
};
