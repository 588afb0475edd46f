/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - see text.h. */
#include "procview/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool text_next(const char **text, struct text_line *ret)
{
	if (!**text)
		return false;
	ret->at = *text;
	ret->size = strcspn(*text, "\n");
	*text += ret->size;
	*text += **text == '\n';
	return true;
}

size_t text_key(const struct text_line *line, char end)
{
	size_t n = 0;
	while (n < line->size && line->at[n] != end && !isspace((unsigned char)line->at[n]))
		n++;
	return n;
}

bool text_is(const struct text_line *line, size_t key, const char *name)
{
	return strlen(name) == key && memcmp(line->at, name, key) == 0;
}

bool text_find(const char *text, const char *name, char end, uint64_t *ret)
{
	struct text_line line;
	while (text_next(&text, &line)) {
		size_t key = text_key(&line, end);
		if (!text_is(&line, key, name) || key == line.size)
			continue;
		const char *at = line.at + key + 1;
		at += strspn(at, " \t");
		if (!isdigit((unsigned char)*at))
			return false;
		*ret = strtoull(at, NULL, 10);
		return true;
	}
	return false;
}
