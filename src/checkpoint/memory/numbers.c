/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.c - where program, heap, stack and arguments lie, out of /proc/PID/stat; see dump.h.
 * Pure.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/memory/dump.h"

int numbers_parse(const char *stat, struct memory_numbers *ret)
{
	struct memory_numbers n = { 0 };
	/* their places in the text, from the state (3) on */
	const struct {
		int field;
		uint64_t *to;
	} rows[] = { { 26, &n.start_code }, { 27, &n.end_code }, { 28, &n.start_stack },
		     { 45, &n.start_data }, { 46, &n.end_data }, { 47, &n.start_brk },
		     { 48, &n.arg_start },  { 49, &n.arg_end },	 { 50, &n.env_start },
		     { 51, &n.env_end } };
	const char *p = strrchr(stat, ')');
	if (!p || p[1] != ' ')
		return -EINVAL;
	p += 2;
	for (size_t i = 0, field = 3; i < ARRAY_SIZE(rows); field++) {
		if ((int)field == rows[i].field) {
			char *end;
			errno = 0;
			*rows[i].to = strtoull(p, &end, 10);
			if (errno || end == p || !isdigit((unsigned char)*p) ||
			    (*end && !isspace((unsigned char)*end)))
				return -EINVAL;
			i++;
		}
		p += strcspn(p, " \n");
		if (*p)
			p++;
	}
	*ret = n;
	return 0;
}
