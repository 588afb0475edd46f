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
	for (int sig = 1; sig < 32; sig++)
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

static const struct {
	const char *kind;
	void (*offer)(struct cli *cli);
} kinds[] = {
	{ "container", offer_containers },
	{ "image", offer_images },
	{ "signal", offer_signals },
	{ "file", offer_file },
	{ "dir", offer_dir },
	{ "command", offer_file },
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

/* The command's own options, then those of a container. */
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
	return false;
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
	offer("--help", "show the help");
	offer("--json", "print JSON");
}

static int complete_main(struct cli *cli, int argc, char **argv)
{
	const char *last = argc > 1 ? argv[argc - 1] : "";
	const struct command *c = argc > 2 ? command_find(argv[1]) : NULL;
	struct option_view o;
	if (argc <= 2) {
		for (size_t i = 0; i < n_commands; i++)
			if (!commands[i]->hidden)
				offer(commands[i]->name, commands[i]->summary);
		return 0;
	}
	if (!c)
		return 0;
	if (argc > 3 && find_option(c, argv[argc - 2], &o) && o.arg) {
		if (o.complete)
			offer_kind(cli, o.complete);
		return 0;
	}
	if (last[0] == '-') {
		offer_options(c);
		return 0;
	}
	if (c == &command_image && argc == 3)
		offer_kind(cli, "import ls rm inspect");
	else if (c == &command_image && !strcmp(argv[2], "import"))
		offer_kind(cli, "file");
	else if (c->complete)
		offer_kind(cli, c->complete);
	return 0;
}

const struct command command_complete = {
	.name = "complete",
	.usage = "WORD...",
	.summary = "candidates for a shell's completion",
	.hidden = true,
	.run = complete_main,
};
