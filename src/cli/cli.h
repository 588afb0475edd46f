/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - what all commands share: the table of commands, their options, errors and output.
 * Commands use the library through <contexe.h> alone, and base for strings.
 */
#pragma once

#include <contexe.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

enum { EXIT_OK = 0, EXIT_CONTEXE = 125, EXIT_USAGE = 125 };

struct cli {
	struct contexe *cx; /* opened on first use: cli_open() */
	const char *root;
	bool json, quiet;
	const struct command *command;
};

struct cli_option {
	const char *name;
	char letter;
	const char *arg; /* NULL: a switch */
	const char *help;
	const char *complete;
};

struct command {
	const char *name;
	const char *usage;    /* what follows the name: "[OPTIONS] NAME..." */
	const char *summary;  /* one line */
	const char *examples; /* lines for the help */
	const char *complete; /* what its arguments are: "container", "image", "command", "file" */
	const struct cli_option *options;
	size_t n_options;
	bool spec_options; /* takes the options of a container as well */
	bool limits_only;  /* of those, only the limits (and restart) */
	bool stops;	   /* options end with the first argument: a command line follows */
	bool hidden;
	int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command *const commands[];
extern const size_t n_commands;
const struct command *command_find(const char *name);

/* ---- arguments ---- */

/* The options that every command takes; *ret_n of them. */
const struct cli_option *common_options(size_t *ret_n);

/* Called for each option found. value NULL for a switch. Returns 0, or an exit code to leave with. */
typedef int args_fn(void *ctx, const char *name, const char *value);

/*
 * Reads the options of cli->command from argv[1..]; *ret_argc, *ret_argv are what is left, argv[0] not
 * counted. Returns 0, or an exit code (usage was wrong and told; or help was shown, then -1).
 */
int args_parse(struct cli *cli, int argc, char **argv, args_fn *fn, void *ctx, int *ret_argc,
	       char ***ret_argv);

/* The last value given is kept; for commands whose options are few. */
struct args {
	const char *name;
	const char *value; /* "" for a switch that was given */
};
/* Fills slots[i] for option i of the command's table (NULL: not given). */
int args_simple(struct cli *cli, int argc, char **argv, const char **slots, int *ret_argc,
		char ***ret_argv);

void help_command(const struct command *command);
void help_all(void);

/* ---- errors and output ---- */

int cli_open(struct cli *cli); /* 0, or an exit code */
/* Tells an error once, for people or as JSON. Returns the exit code. */
int cli_error(const struct cli *cli, const struct contexe_error *err);
/* A usage error: "contexe COMMAND: ...; see 'contexe COMMAND --help'". */
int cli_usage(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Runs fn for each reference; prints those done, tells each error; the worst exit code. */
int cli_each(struct cli *cli, int argc, char **argv,
	     int (*fn)(struct cli *cli, const char *ref, void *arg, struct contexe_error *err),
	     void *arg);

void json_string(struct buf *out, const char *s); /* with quotes */
/* The same of n bytes, NUL included; what is no UTF-8 becomes U+FFFD. */
void json_bytes(struct buf *out, const char *s, size_t n);
void json_key(struct buf *out, const char *key); /* ,"key": (no comma after { or [) */
void json_add(struct buf *out, const char *key, const char *value); /* NULL: null */
void json_add_number(struct buf *out, const char *key, long long value);
void json_add_unsigned(struct buf *out, const char *key, unsigned long long value);
void json_add_bool(struct buf *out, const char *key, bool value);
/* {"value":...}: a time, null for 0. */
void json_add_time(struct buf *out, const char *key, uint64_t ns);
void print_buf(struct buf *out); /* to stdout with a newline, and empties it */

/* ---- tables ---- */

struct table {
	size_t columns;
	char **cells;
	size_t n;
	unsigned right; /* bit i: column i is aligned to the right */
};
void table_init(struct table *t, const char *const *titles, size_t columns);
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints and frees. Titles are bold on a terminal. */
void table_print(struct table *t);

const char *format_size(uint64_t bytes, char *buf, size_t size); /* "12.3M" */
bool use_color(int fd);
