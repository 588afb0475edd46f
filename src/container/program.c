/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - see program.h. */
#include "container/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

const char *program_env(char **envp, const char *name)
{
	size_t n = strlen(name);
	for (; *envp; envp++)
		if (!strncmp(*envp, name, n) && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

static int refused(char **argv, char **envp, int e, const char *tried, struct error *err)
{
	bool missing = e == ENOENT || e == ENOTDIR;
	struct stat st;

	if (missing && strchr(tried, '/') && stat(tried, &st) == 0) {
		error_set(err, e, "its interpreter or loader is not in the container");
		error_hint(err, "look at its first line (#!) or its ELF interpreter");
	} else if (missing) {
		const char *path = program_env(envp, "PATH");
		error_set(err, e, "command not found");
		if (strchr(tried, '/'))
			error_hint(err, "the path is looked up inside the container");
		else
			error_hint(err, "looked in PATH=%.150s", path ? path : "");
	} else {
		error_sys(err, e, "cannot execute");
		if (e == EACCES)
			error_hint(err, "it must be a file that the user may execute, on a mount "
					"without noexec");
		if (e == ENOEXEC)
			error_hint(err,
				   "it is no program for this machine, or a script without #!");
	}
	error_object(err, "%s", argv[0]);
	return error_exit_code(err, missing ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

int program_execute(char **argv, char **envp, struct error *err)
{
	const char *name = argv[0];
	if (strchr(name, '/')) {
		execve(name, argv, envp);
		return refused(argv, envp, errno, name, err);
	}
	const char *path = program_env(envp, "PATH");
	if (!path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	int worst = ENOENT;
	char full[PATH_MAX];
	for (const char *p = path; *name;) {
		size_t n = strcspn(p, ":");
		if ((size_t)snprintf(full, sizeof(full), "%.*s/%s", n ? (int)n : 1, n ? p : ".",
				     name) < sizeof(full)) {
			execve(full, argv, envp);
			if (errno != ENOENT && errno != ENOTDIR && worst == ENOENT)
				worst = errno;
			struct stat st;
			if (errno == ENOENT && stat(full, &st) == 0)
				return refused(argv, envp, ENOENT, full, err);
		}
		if (!p[n])
			break;
		p += n + 1;
	}
	return refused(argv, envp, worst, name, err);
}
