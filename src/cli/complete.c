/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - contexe complete WORD...: what may come at the place of the last word, a line each, for the
 * completion scripts of the shells. A line is VALUE<tab>DESCRIPTION; ":file" and ":dir" ask the shell for paths.
 */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/commands.h"

static void offer(const char *value, const char *what)
{
	printf("%s\t%s\n", value, what ? what : "");
}

static void offer_containers(struct cli *cli)
{
	struct contexe_error err = { 0 };
	struct contexe_info *infos;
	size_t n;
	if (contexe_open(cli->root, &cli->cx, &err) < 0 ||
	    contexe_list(cli->cx, &infos, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		offer(infos[i].name, contexe_state_name(infos[i].state));
	contexe_info_free(infos, n);
}

/* NAME:NS of all that run, behind a prefix. */
static void offer_namespaces(struct cli *cli, const char *prefix, const char *const *kinds,
			     size_t n_kinds)
{
	struct contexe_error err = { 0 };
	struct contexe_info *infos;
	char text[192];
	size_t n;
	if (contexe_open(cli->root, &cli->cx, &err) < 0 ||
	    contexe_list(cli->cx, &infos, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; infos[i].init && k < n_kinds; k++) {
			(void)snprintf(text, sizeof(text), "%s%s%s", prefix, infos[i].name,
				       kinds[k]);
			offer(text, contexe_state_name(infos[i].state));
		}
	contexe_info_free(infos, n);
}

static void offer_joins(struct cli *cli)
{
	static const char *const names[] = { ":pid",	":net",	 ":ipc", ":uts",
					     ":cgroup", ":time", ":user" };
	offer_namespaces(cli, "", names, ARRAY_SIZE(names));
}

static void offer_networks(struct cli *cli)
{
	static const char *const whole[] = { "" };
	offer("none", "a loopback of its own");
	offer("host", "the machine's");
	offer_namespaces(cli, "container:", whole, ARRAY_SIZE(whole));
}

static void offer_processes(struct cli *cli)
{
	struct contexe_error err = { 0 };
	struct contexe_process *p;
	char text[16];
	size_t n;
	if (contexe_open(cli->root, &cli->cx, &err) < 0 ||
	    contexe_processes(cli->cx, "0", &p, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "%d", (int)p[i].pid);
		offer(text, p[i].comm);
	}
	contexe_processes_free(p, n);
}

static void offer_images(struct cli *cli)
{
	struct contexe_error err = { 0 };
	struct contexe_image *images;
	size_t n;
	if (contexe_open(cli->root, &cli->cx, &err) < 0 ||
	    contexe_image_list(cli->cx, &images, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		char *save = NULL;
		for (char *p = strtok_r(images[i].names, " ", &save); p;
		     p = strtok_r(NULL, " ", &save))
			offer(p, "image");
	}
	contexe_image_free(images, n);
}

static void offer_signals(struct cli *cli)
{
	char name[16];
	(void)cli;
	for (int sig = 1; sig <= 64; sig++)
		offer(contexe_signal_name(sig, name, sizeof(name)), "signal");
}

static void offer_file(struct cli *cli)
{
	(void)cli;
	puts(":file");
}

static void offer_dir(struct cli *cli)
{
	(void)cli;
	puts(":dir");
}

static void offer_command(struct cli *cli)
{
	(void)cli;
	puts(":command");
}

static const struct {
	const char *kind;
	void (*offer)(struct cli *cli);
} kinds[] = {
	{ "container", offer_containers },
	{ "container:ns", offer_joins },
	{ "network", offer_networks },
	{ "process", offer_processes },
	{ "image", offer_images },
	{ "signal", offer_signals },
	{ "file", offer_file },
	{ "dir", offer_dir },
	{ "command", offer_command },
};

static void offer_kind(struct cli *cli, const char *kind)
{
	char words[256];
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i].kind)) {
			kinds[i].offer(cli);
			return;
		}
	(void)snprintf(words, sizeof(words), "%s", kind);
	char *save = NULL;
	for (char *p = strtok_r(words, " ", &save); p; p = strtok_r(NULL, " ", &save))
		offer(p, "");
}

struct option_view {
	const char *name, *arg, *help, *complete;
	char letter;
};

/* The command's own options, those of a container, those of all. */
static bool option_at(const struct command *c, size_t i, struct option_view *ret)
{
	size_t n;
	const struct contexe_option *spec = contexe_spec_options(&n);
	if (i < c->n_options) {
		const struct cli_option *o = &c->options[i];
		*ret = (struct option_view){ o->name, o->arg, o->help, o->complete, o->letter };
		return true;
	}
	i -= c->n_options;
	for (size_t k = 0; c->spec_options && k < n; k++) {
		const struct contexe_option *o = &spec[k];
		if (c->limits_only && strcmp(o->group, "Limits") != 0 &&
		    strcmp(o->name, "restart") != 0)
			continue;
		if (i-- == 0) {
			*ret = (struct option_view){ o->name, o->arg, o->help, o->complete,
						     o->letter };
			return true;
		}
	}
	const struct cli_option *common = common_options(&n);
	if (i >= n)
		return false;
	*ret = (struct option_view){ common[i].name, common[i].arg, common[i].help,
				     common[i].complete, common[i].letter };
	return true;
}

static bool find_option(const struct command *c, const char *word, struct option_view *ret)
{
	for (size_t i = 0; option_at(c, i, ret); i++)
		if ((!strncmp(word, "--", 2) && !strcmp(word + 2, ret->name)) ||
		    (word[0] == '-' && word[1] && word[1] == ret->letter && !word[2]))
			return true;
	return false;
}

static void offer_options(const struct command *c)
{
	struct option_view o;
	char text[64];
	for (size_t i = 0; option_at(c, i, &o); i++) {
		(void)snprintf(text, sizeof(text), "--%s", o.name);
		offer(text, o.help);
	}
}

/* What stands where an argument is wanted: how many arguments came before it, and whether options may come still. */
struct place {
	int before;
	bool options;
	struct option_view value_of; /* name NULL: it is no option's value */
};

/* exec NAME COMMAND..., hijack NAME COMMAND... */
static bool has_name_first(const struct command *c)
{
	return c == &command_exec || c == &command_hijack;
}

/* hijack --pid PID COMMAND...: then no name is wanted. */
static bool stands_for_name(const struct command *c, const struct option_view *o)
{
	return c == &command_hijack && (!strcmp(o->name, "pid") || !strcmp(o->name, "cgroup"));
}

static struct place find_place(const struct command *c, int argc, char **argv)
{
	struct place at = { .options = true };
	for (int i = 2; i < argc - 1; i++) {
		struct option_view o = { 0 };
		if (at.options && !strcmp(argv[i], "--")) {
			at.options = false;
		} else if (at.options && argv[i][0] == '-' && argv[i][1]) {
			if (!find_option(c, argv[i], &o) || !o.arg)
				continue;
			if (++i == argc - 1)
				at.value_of = o;
			else if (stands_for_name(c, &o))
				at.before = 1;
		} else if (has_name_first(c) && at.before == 1 && !strcmp(argv[i], "--")) {
			continue; /* NAME -- COMMAND */
		} else {
			at.before++;
			at.options = at.options && !c->stops;
		}
	}
	return at;
}

/* exec NAME COMMAND FILE..., run COMMAND FILE..., and what takes names takes them all along. */
static void offer_argument(struct cli *cli, const struct command *c, int before)
{
	if (!c->complete)
		return;
	if (!c->stops)
		offer_kind(cli, c->complete);
	else if (before == 0)
		offer_kind(cli, c->complete);
	else if (before == 1 && has_name_first(c))
		offer_kind(cli, "command");
	else
		offer_kind(cli, "file");
}

/* Before the command: it, or an option of all. */
static void offer_commands(const char *last)
{
	size_t n;
	char text[64];
	const struct cli_option *common = common_options(&n);
	for (size_t i = 0; last[0] == '-' && i < n; i++) {
		(void)snprintf(text, sizeof(text), "--%s", common[i].name);
		offer(text, common[i].help);
	}
	for (size_t i = 0; last[0] != '-' && i < n_commands; i++)
		if (!commands[i]->hidden)
			offer(commands[i]->name, commands[i]->summary);
}

static int complete_main(struct cli *cli, int argc, char **argv)
{
	const char *last = argc > 1 ? argv[argc - 1] : "";
	const struct command *c = argc > 2 ? command_find(argv[1]) : NULL;
	if (argc <= 2)
		offer_commands(last);
	else if (argc == 3 && !strcmp(argv[1], "--root"))
		offer_kind(cli, "dir");
	if (!c)
		return 0;
	struct place at = find_place(c, argc, argv);
	if (at.value_of.name) {
		if (at.value_of.complete)
			offer_kind(cli, at.value_of.complete);
	} else if (at.options && last[0] == '-') {
		offer_options(c);
	} else if (c == &command_image && at.before == 0) {
		offer_kind(cli, "import ls rm inspect");
	} else if (c == &command_image && !strcmp(argv[2], "import")) {
		offer_kind(cli, "file");
	} else {
		offer_argument(cli, c, at.before);
	}
	return 0;
}

const struct command command_complete = {
	.name = "complete",
	.usage = "WORD...",
	.summary = "candidates for a shell's completion",
	.hidden = true,
	.run = complete_main,
};
