/* SPDX-License-Identifier: Apache-2.0 */
/* hijack.c - contexe hijack. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/commands.h"

enum { PID, CGROUP, OPTIONS };

/* The source: an option, or the first argument. */
static int take_source(struct cli *cli, const char *const *given, int *argc, char ***argv,
		       struct contexe_hijack_options *ret)
{
	int64_t pid = 0;
	if (given[PID] && given[CGROUP])
		return cli_usage(cli, "--pid and --cgroup exclude each other");
	if (given[PID] && parse_i64(given[PID], 1, INT_MAX, &pid) < 0)
		return cli_usage(cli, "'%s' is no process id", given[PID]);
	ret->pid = (pid_t)pid;
	ret->cgroup = given[CGROUP];
	if (given[PID] || given[CGROUP])
		return 0;
	if (*argc < 1)
		return cli_usage(
			cli,
			"which process? --pid, --cgroup or the name of a container is missing");
	ret->container = (*argv)[0];
	(*argc)--;
	(*argv)++;
	if (*argc > 1 && !strcmp((*argv)[0], "--")) {
		(*argc)--;
		(*argv)++;
	}
	return 0;
}

static int hijack_main(struct cli *cli, int argc, char **argv)
{
	const char *given[OPTIONS];
	struct contexe_hijack_options o = { 0 };
	struct contexe_error err = { 0 };
	int status = 0;
	int code = args_simple(cli, argc, argv, given, &argc, &argv);
	if (code == 0)
		code = take_source(cli, given, &argc, &argv, &o);
	if (code == 0 && o.container)
		code = cli_open(cli);
	if (code)
		return code;
	o.argv = (const char *const *)argv;
	/* where it cannot be, nobody in there is root of the machine, or the kernel is old */
	IGNORE_RESULT(contexe_cloak() < 0);
	return contexe_hijack_run(cli->cx, &o, &status, &err) < 0 ? cli_error(cli, &err) : status;
}

static const struct cli_option options[OPTIONS] = {
	[PID] = { "pid", 0, "PID", "a process of this machine", "process" },
	[CGROUP] = { "cgroup", 0, "PATH", "the oldest process of a control group", "dir" },
};
const struct command command_hijack = {
	.name = "hijack",
	.usage = "{--pid PID | --cgroup PATH | NAME} [--] COMMAND [ARGUMENT...]",
	.summary = "run a command with all resources of another process",
	.examples =
		"  contexe hijack web sh\n"
		"  contexe hijack --pid 4711 -- sh -c 'id; cat /proc/self/cgroup'\n"
		"  contexe hijack --cgroup /sys/fs/cgroup/system.slice/ssh.service -- ss -tln\n",
	.complete = "container",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.stops = true,
	.run = hijack_main,
};
