/* SPDX-License-Identifier: Apache-2.0 */
/* proc_status.c - see proc_status.h. */
#include "checkpoint/kind/proc_status.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

const char *proc_status_find(const char *status, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = status; line && *line;) {
		if (strncmp(line, name, n) == 0 && line[n] == ':') {
			for (line += n + 1; is_blank(*line);)
				line++;
			return line;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

/* One number without sign at *at, which moves behind it. */
static int number_read(const char **at, int base, uint64_t *ret)
{
	if (!isxdigit((unsigned char)**at))
		return -EINVAL;
	char *end;
	errno = 0;
	uint64_t v = strtoull(*at, &end, base);
	if (errno || end == *at || (*end && !isspace((unsigned char)*end)))
		return -EINVAL;
	*at = end;
	*ret = v;
	return 0;
}

int proc_status_u64(const char *status, const char *name, int base, uint64_t *ret)
{
	const char *at = proc_status_find(status, name);
	return at ? number_read(&at, base, ret) : -ENOENT;
}

int proc_status_list(const char *status, const char *name, uint64_t *ret, size_t max)
{
	const char *at = proc_status_find(status, name);
	if (!at)
		return -ENOENT;
	size_t n = 0;
	while (*at && *at != '\n') {
		if (n == max || number_read(&at, 10, &ret[n]) < 0)
			return -EINVAL;
		n++;
		while (is_blank(*at))
			at++;
	}
	return (int)n;
}

int proc_stat_i64(const char *stat, int field, int64_t *ret)
{
	/* the name in brackets may hold anything, brackets too: the last one ends it */
	const char *at = stat ? strrchr(stat, ')') : NULL;
	if (!at || field < 4)
		return -EINVAL;
	at++;
	for (int i = 3; i <= field; i++) {
		at = strchr(at, ' ');
		if (!at)
			return -EINVAL;
		at++;
	}
	char *end;
	errno = 0;
	int64_t v = strtoll(at, &end, 10);
	if (errno || end == at || (*end && !isspace((unsigned char)*end)))
		return -EINVAL;
	*ret = v;
	return 0;
}
