/* SPDX-License-Identifier: Apache-2.0 */
/* libexec.c - see libexec.h. */
#include "base/libexec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CONTEXE_LIBEXECDIR
#define CONTEXE_LIBEXECDIR "/usr/libexec/contexe"
#endif

/* The directory of the running executable, "" when /proc is not there. */
static const char *own_directory(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(buf, '/');
	if (slash)
		*slash = '\0';
	return buf;
}

static int try_directory(const char *dir, const char *program, char *buf, size_t size)
{
	struct stat st;

	if (!dir || dir[0] != '/')
		return -ENOENT;
	if ((size_t)snprintf(buf, size, "%s/%s", dir, program) >= size)
		return -ENAMETOOLONG;
	if (stat(buf, &st) < 0 || !S_ISREG(st.st_mode) ||
	    faccessat(AT_FDCWD, buf, X_OK, AT_EACCESS))
		return -ENOENT;
	return 0;
}

int libexec_find(const char *program, char *buf, size_t size)
{
	char own[PATH_MAX];
	const char *dirs[] = {
		secure_getenv("CONTEXE_LIBEXECDIR"),
		own_directory(own, sizeof(own)),
		CONTEXE_LIBEXECDIR,
	};
	int r = -ENOENT;

	if (!program[0] || strchr(program, '/'))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == -ENOENT; i++)
		r = try_directory(dirs[i], program, buf, size);
	return r;
}
