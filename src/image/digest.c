/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - see digest.h. */
#include "image/digest.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t digits;
} algorithms[] = {
	{ "sha256", 64 },
	{ "sha512", 128 },
};

bool digest_is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

bool digest_parse(const char *text, struct digest *ret)
{
	const char *colon = text ? strchr(text, ':') : NULL;
	if (!colon)
		return false;
	size_t len = (size_t)(colon - text);
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		if (strlen(algorithms[i].name) != len || memcmp(text, algorithms[i].name, len) != 0)
			continue;
		if (!digest_is_hex(colon + 1, algorithms[i].digits))
			return false;
		*ret = (struct digest){ 0 };
		strcpy(ret->algorithm, algorithms[i].name);
		strcpy(ret->hex, colon + 1);
		return true;
	}
	return false;
}

const char *digest_format(const struct digest *d, char *buf)
{
	(void)snprintf(buf, DIGEST_TEXT_SIZE, "%s:%s", d->algorithm, d->hex);
	return buf;
}

bool digest_is_set(const struct digest *d)
{
	return d->algorithm[0] != '\0';
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->hex, b->hex) == 0;
}
