/* SPDX-License-Identifier: Apache-2.0 */
/* proc_limits.c - see proc_limits.h. */
#include "checkpoint/kind/proc_limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	const char *line; /* as the kernel writes it: fs/proc/base.c */
} table[PROC_LIMITS_N] = {
	[RLIMIT_CPU] = { "RLIMIT_CPU", "Max cpu time" },
	[RLIMIT_FSIZE] = { "RLIMIT_FSIZE", "Max file size" },
	[RLIMIT_DATA] = { "RLIMIT_DATA", "Max data size" },
	[RLIMIT_STACK] = { "RLIMIT_STACK", "Max stack size" },
	[RLIMIT_CORE] = { "RLIMIT_CORE", "Max core file size" },
	[RLIMIT_RSS] = { "RLIMIT_RSS", "Max resident set" },
	[RLIMIT_NPROC] = { "RLIMIT_NPROC", "Max processes" },
	[RLIMIT_NOFILE] = { "RLIMIT_NOFILE", "Max open files" },
	[RLIMIT_MEMLOCK] = { "RLIMIT_MEMLOCK", "Max locked memory" },
	[RLIMIT_AS] = { "RLIMIT_AS", "Max address space" },
	[RLIMIT_LOCKS] = { "RLIMIT_LOCKS", "Max file locks" },
	[RLIMIT_SIGPENDING] = { "RLIMIT_SIGPENDING", "Max pending signals" },
	[RLIMIT_MSGQUEUE] = { "RLIMIT_MSGQUEUE", "Max msgqueue size" },
	[RLIMIT_NICE] = { "RLIMIT_NICE", "Max nice priority" },
	[RLIMIT_RTPRIO] = { "RLIMIT_RTPRIO", "Max realtime priority" },
	[RLIMIT_RTTIME] = { "RLIMIT_RTTIME", "Max realtime timeout" },
};

const char *proc_limit_name(int resource)
{
	return resource >= 0 && resource < PROC_LIMITS_N ? table[resource].name : "RLIMIT_?";
}

/* "unlimited" or a number, then a blank or the line's end. */
static int value_read(const char **at, uint64_t *ret)
{
	static const char unlimited[] = "unlimited";
	const char *p = *at;
	while (*p == ' ')
		p++;
	char *end = (char *)p;
	if (strncmp(p, unlimited, sizeof(unlimited) - 1) == 0) {
		*ret = UINT64_MAX;
		end += sizeof(unlimited) - 1;
	} else if (isdigit((unsigned char)*p)) {
		errno = 0;
		*ret = strtoull(p, &end, 10);
		if (errno)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	if (*end && !isspace((unsigned char)*end))
		return -EINVAL;
	*at = end;
	return 0;
}

static int line_parse(const char *line, struct proc_limit v[PROC_LIMITS_N], uint32_t *seen)
{
	for (int i = 0; i < PROC_LIMITS_N; i++) {
		size_t n = strlen(table[i].line);
		if (strncmp(line, table[i].line, n) != 0 || line[n] != ' ')
			continue;
		const char *at = line + n;
		if (*seen & (1u << i) || value_read(&at, &v[i].soft) < 0 ||
		    value_read(&at, &v[i].hard) < 0)
			return -EINVAL;
		*seen |= 1u << i;
		return 0;
	}
	return -EINVAL;
}

int proc_limits_parse(const char *text, struct proc_limit v[PROC_LIMITS_N])
{
	uint32_t seen = 0;
	const char *line = strchr(text, '\n'); /* the first one is the head */
	while (line && line[1]) {
		int r = line_parse(line + 1, v, &seen);
		if (r < 0)
			return r;
		line = strchr(line + 1, '\n');
	}
	return seen == (1u << PROC_LIMITS_N) - 1 ? 0 : -EINVAL;
}
