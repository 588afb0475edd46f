/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the command `contexe`: finds the command in the table and runs it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/commands.h"

#define ROW(name) &command_##name,
const struct command *const commands[] = { COMMANDS(ROW) };
const size_t n_commands = ARRAY_SIZE(commands);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* The nearest name, for a slip of the finger: one letter wrong, missing or too many. */
static const char *similar(const char *name)
{
	for (size_t i = 0; i < n_commands; i++) {
		const char *a = name, *b = commands[i]->name;
		while (*a && *a == *b)
			a++, b++;
		if (commands[i]->hidden || a == name)
			continue;
		if (!strcmp(*a ? a + 1 : a, *b ? b + 1 : b) || !strcmp(a, *b ? b + 1 : b) ||
		    !strcmp(*a ? a + 1 : a, b))
			return commands[i]->name;
	}
	return NULL;
}

static int unknown(struct cli *cli, const char *name)
{
	struct contexe_error err = { .err = 22, .exit_code = EXIT_USAGE };
	const char *near = similar(name);
	(void)snprintf(err.why, sizeof(err.why), "there is no command '%.60s'", name);
	if (near)
		(void)snprintf(err.hint, sizeof(err.hint), "did you mean '%s'?", near);
	else
		(void)snprintf(err.hint, sizeof(err.hint), "'contexe --help' lists them");
	return cli_error(cli, &err);
}

/* Options before the command: --root DIR, --json, --quiet. Returns how many words they take, -1 on a mistake. */
static int global_options(struct cli *cli, int argc, char **argv)
{
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--json"))
			cli->json = true;
		else if (!strcmp(argv[i], "--quiet") || !strcmp(argv[i], "-q"))
			cli->quiet = true;
		else if (!strncmp(argv[i], "--root=", 7))
			cli->root = argv[i] + 7;
		else if (!strcmp(argv[i], "--root") && i + 1 < argc)
			cli->root = argv[++i];
		else
			break;
	}
	return i;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	if (fd_sanitize_stdio() < 0) /* a descriptor of ours must not become 1 or 2 */
		return EXIT_CONTEXE;
	int at = global_options(&cli, argc, argv);

	if (at >= argc) {
		help_all();
		return argc > 1 ? EXIT_USAGE : 0;
	}
	const char *word = argv[at];
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		const struct command *c = at + 1 < argc ? command_find(argv[at + 1]) : NULL;
		if (c)
			help_command(c);
		else if (at + 1 < argc)
			return unknown(&cli, argv[at + 1]);
		else
			help_all();
		return 0;
	}
	if (!strcmp(word, "--version"))
		word = "version";
	if (!strncmp(word, "-j", 2)) {
		cli.command = &command_run;
		return run_seed_form(&cli, argc - at + 1, argv + at - 1);
	}
	cli.command = command_find(word);
	if (!cli.command && word[0] == '-')
		return cli_usage(&cli, "there is no option %s", word);
	if (!cli.command)
		return unknown(&cli, word);
	int code = cli.command->run(&cli, argc - at, argv + at);
	contexe_close(cli.cx);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		static const char msg[] = "contexe: cannot write the output\n";
		ssize_t n = write(2, msg, sizeof(msg) - 1);
		return n < 0 || code == 0 ? EXIT_CONTEXE : code;
	}
	return code < 0 ? 0 : code;
}
