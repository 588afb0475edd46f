/* SPDX-License-Identifier: Apache-2.0 */
/* args.c - options of a command line, from the tables. See cli.h. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"

struct found {
	const char *name, *arg;
};

static const struct cli_option common[] = {
	{ "help", 'h', NULL, "show this help", NULL },
	{ "json", 0, NULL, "print JSON instead of text for people", NULL },
	{ "quiet", 'q', NULL, "print less: names only", NULL },
	{ "root", 0, "DIR", "where containers and images are kept", "dir" },
};

const struct cli_option *common_options(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(common);
	return common;
}

static bool matches(const char *name, char letter, const char *long_name, size_t n, char short_name)
{
	return long_name ? strlen(name) == n && !strncmp(name, long_name, n)
			 : letter && letter == short_name;
}

static bool spec_option_fits(const struct command *c, const struct contexe_option *o)
{
	return c->spec_options &&
	       (!c->limits_only || !strcmp(o->group, "Limits") || !strcmp(o->name, "restart"));
}

/* The command's own options first, then those of a container, then those of all commands. */
static bool find(const struct command *c, const char *long_name, size_t n, char letter,
		 struct found *ret)
{
	size_t count;
	const struct contexe_option *spec = contexe_spec_options(&count);
	for (size_t i = 0; i < c->n_options; i++)
		if (matches(c->options[i].name, c->options[i].letter, long_name, n, letter)) {
			*ret = (struct found){ c->options[i].name, c->options[i].arg };
			return true;
		}
	for (size_t i = 0; i < count; i++)
		if (spec_option_fits(c, &spec[i]) &&
		    matches(spec[i].name, spec[i].letter, long_name, n, letter)) {
			*ret = (struct found){ spec[i].name, spec[i].arg };
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (matches(common[i].name, common[i].letter, long_name, n, letter)) {
			*ret = (struct found){ common[i].name, common[i].arg };
			return true;
		}
	return false;
}

static int take(struct cli *cli, const struct found *f, const char *value, args_fn *fn, void *ctx)
{
	if (!strcmp(f->name, "help")) {
		help_command(cli->command);
		return -1;
	}
	if (!strcmp(f->name, "json"))
		cli->json = true;
	else if (!strcmp(f->name, "quiet"))
		cli->quiet = true;
	else if (!strcmp(f->name, "root"))
		cli->root = value;
	else
		return fn(ctx, f->name, value);
	return 0;
}

struct cursor {
	int argc, at;
	char **argv;
};

static int long_option(struct cli *cli, struct cursor *c, const char *text, args_fn *fn, void *ctx)
{
	struct found f;
	size_t n = strcspn(text, "=");
	const char *value = text[n] ? text + n + 1 : NULL;
	if (!find(cli->command, text, n, 0, &f))
		return cli_usage(cli, "there is no option --%.*s", (int)n, text);
	if (f.arg && !value) {
		if (++c->at >= c->argc)
			return cli_usage(cli, "option --%s needs a value: %s", f.name, f.arg);
		value = c->argv[c->at];
	}
	return take(cli, &f, value, fn, ctx);
}

/* -it, -m512m, -m 512m, -j2 */
static int short_options(struct cli *cli, struct cursor *c, const char *text, args_fn *fn,
			 void *ctx)
{
	for (; *text; text++) {
		struct found f;
		if (!find(cli->command, NULL, 0, *text, &f))
			return cli_usage(cli, "there is no option -%c", *text);
		if (!f.arg) {
			int r = take(cli, &f, NULL, fn, ctx);
			if (r)
				return r;
			continue;
		}
		const char *value = text + 1;
		if (*value == '=')
			value++;
		if (!*value) {
			if (++c->at >= c->argc)
				return cli_usage(cli, "option -%c needs a value: %s", *text, f.arg);
			value = c->argv[c->at];
		}
		return take(cli, &f, value, fn, ctx);
	}
	return 0;
}

int args_parse(struct cli *cli, int argc, char **argv, args_fn *fn, void *ctx, int *ret_argc,
	       char ***ret_argv)
{
	struct cursor c = { .argc = argc, .at = 1, .argv = argv };
	int kept = 1;
	for (; c.at < argc; c.at++) {
		char *a = argv[c.at];
		if (!strcmp(a, "--")) {
			c.at++;
			break;
		}
		if (a[0] != '-' || !a[1]) {
			if (cli->command->stops)
				break;
			argv[kept++] = a;
			continue;
		}
		int r = a[1] == '-' ? long_option(cli, &c, a + 2, fn, ctx)
				    : short_options(cli, &c, a + 1, fn, ctx);
		if (r)
			return r;
	}
	while (c.at < argc)
		argv[kept++] = argv[c.at++];
	argv[kept] = NULL;
	*ret_argc = kept - 1;
	*ret_argv = argv + 1;
	return 0;
}

struct simple {
	const struct command *command;
	const char **slots;
};

static int set_slot(void *ctx, const char *name, const char *value)
{
	struct simple *s = ctx;
	for (size_t i = 0; i < s->command->n_options; i++)
		if (!strcmp(s->command->options[i].name, name))
			s->slots[i] = value ? value : "";
	return 0;
}

int args_simple(struct cli *cli, int argc, char **argv, const char **slots, int *ret_argc,
		char ***ret_argv)
{
	struct simple s = { cli->command, slots };
	for (size_t i = 0; i < cli->command->n_options; i++)
		slots[i] = NULL;
	return args_parse(cli, argc, argv, set_slot, &s, ret_argc, ret_argv);
}

/* ---- help ---- */

static void print_option(const char *name, char letter, const char *arg, const char *help)
{
	char left[96];
	char letters[8] = "    ";
	if (letter)
		(void)snprintf(letters, sizeof(letters), "-%c, ", letter);
	(void)snprintf(left, sizeof(left), "%s--%s%s%s", letters, name, arg ? " " : "",
		       arg ? arg : "");
	if (strlen(left) > 34)
		printf("  %s\n  %-34s  %s\n", left, "", help);
	else
		printf("  %-34s  %s\n", left, help);
}

static void print_spec_options(const struct command *c)
{
	size_t n;
	const struct contexe_option *o = contexe_spec_options(&n);
	const char *group = "";
	for (size_t i = 0; i < n; i++) {
		if (!spec_option_fits(c, &o[i]))
			continue;
		if (strcmp(group, o[i].group))
			printf("\n%s:\n", group = o[i].group);
		print_option(o[i].name, o[i].letter, o[i].arg, o[i].help);
	}
}

void help_command(const struct command *c)
{
	printf("contexe %s - %s\n\nusage: contexe %s%s%s\n", c->name, c->summary, c->name,
	       *c->usage ? " " : "", c->usage);
	if (c->n_options)
		printf("\nOptions:\n");
	for (size_t i = 0; i < c->n_options; i++)
		print_option(c->options[i].name, c->options[i].letter, c->options[i].arg,
			     c->options[i].help);
	if (c->spec_options)
		print_spec_options(c);
	printf("\nFor all commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		print_option(common[i].name, common[i].letter, common[i].arg, common[i].help);
	if (c->examples)
		printf("\nExamples:\n%s", c->examples);
	printf("\nThe manual: man contexe-%s\n", c->name);
}

void help_all(void)
{
	printf("contexe - containers whose processes keep their names\n\n"
	       "usage: contexe COMMAND [OPTIONS] [ARGUMENT...]\n"
	       "       contexe -jN COMMAND-LINE...      container number N, by the name "
	       "cont_N\n\n");
	for (size_t i = 0; i < n_commands; i++)
		if (!commands[i]->hidden)
			printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nFirst steps:\n"
	       "  contexe run -- bash -c 'ps ax; hostname'      this machine's own tree, kept "
	       "safe\n"
	       "  contexe run -d --name web --image nginx       an imported image, in the "
	       "background\n"
	       "  contexe ls; contexe exec -it web sh; contexe stop web; contexe rm web\n\n"
	       "'contexe COMMAND --help' shows a command's options and examples.\n");
}
