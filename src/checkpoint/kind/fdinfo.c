/* SPDX-License-Identifier: Apache-2.0 */
/* fdinfo.c - see fdinfo.h. */
#include "checkpoint/kind/fdinfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* One line of an epoll or inotify descriptor has some 100 bytes; there may be many. */
#define FDINFO_MAX ((size_t)256 << 20)

const char *fdinfo_line(const char *text, const char *name, const char **ret_end)
{
	size_t n = strlen(name);
	for (const char *at = text; *at;) {
		const char *end = strchrnul(at, '\n');
		if (strncmp(at, name, n) == 0) {
			*ret_end = *end ? end + 1 : end;
			return at;
		}
		at = *end ? end + 1 : end;
	}
	return NULL;
}

int fdinfo_number(const char *text, const char *end, const char *name, int base, uint64_t *ret)
{
	size_t n = strlen(name);
	if (!end)
		end = text + strlen(text);
	for (const char *at = text; at + n < end; at++) {
		/* a whole name: "ino:" is not the end of another one */
		bool starts = at == text || at[-1] == ' ' || at[-1] == '\t' || at[-1] == '\n';
		if (!starts || strncmp(at, name, n) != 0)
			continue;
		char *rest;
		errno = 0;
		unsigned long long v = strtoull(at + n, &rest, base);
		if (errno || rest == at + n || rest > end)
			return -ENOENT;
		*ret = v;
		return 0;
	}
	return -ENOENT;
}

int fdinfo_read(int proc, int fd, struct buf *b)
{
	char path[40];
	(void)snprintf(path, sizeof(path), "self/fdinfo/%d", fd);
	return file_read(proc, path, FDINFO_MAX, b);
}
