/* SPDX-License-Identifier: Apache-2.0 */
/* mounted.c - whether DIR is still mounted: by the number of our mount in /proc/self/mountinfo, proc(5). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "fs/server.h"

#define MAX_MOUNTINFO (64 << 20)

struct mounted {
	int fd;
	char *number; /* first field of our line */
};

/* As the kernel writes a path there. */
static char *escape(const char *dir)
{
	struct buf out = BUF_INIT;
	for (; *dir; dir++)
		if (strchr(" \t\n\\", *dir))
			buf_printf(&out, "\\%03o", (unsigned char)*dir);
		else
			buf_putc(&out, *dir);
	return buf_take(&out);
}

/* The fifth field of a line is the mount point. */
static bool is_at(const char *line, size_t n, const char *point)
{
	const char *at = line, *end = line + n;
	for (int field = 1; at && field < 5; field++) {
		at = memchr(at, ' ', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	size_t length = strlen(point);
	return at && (size_t)(end - at) > length && !strncmp(at, point, length) &&
	       at[length] == ' ';
}

static int read_mounts(struct buf *out)
{
	return file_read(AT_FDCWD, "/proc/self/mountinfo", MAX_MOUNTINFO, out);
}

int mounted_watch(struct server *s, const char *dir)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_STR char *point = escape(dir);
	struct mounted *m = xcalloc(1, sizeof(*m));
	s->mounted = m;
	m->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	int r = read_mounts(&text);
	for (const char *line = buf_str(&text); r == 0 && *line;) {
		size_t n = strcspn(line, "\n");
		if (is_at(line, n, point)) { /* the last is the uppermost */
			free(m->number);
			m->number = xasprintf("%.*s ", (int)strcspn(line, " "), line);
		}
		line += n + (line[n] == '\n');
	}
	return r < 0 ? r : m->number ? 0 : -ENOENT;
}

int mounted_fd(const struct server *s)
{
	return s->mounted->fd;
}

bool mounted_still(struct server *s)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t n = strlen(s->mounted->number);
	if (read_mounts(&text) < 0)
		return true;
	for (const char *line = buf_str(&text); *line; line += *line == '\n') {
		if (!strncmp(line, s->mounted->number, n))
			return true;
		line += strcspn(line, "\n");
	}
	return false;
}

void mounted_done(struct server *s)
{
	if (!s->mounted)
		return;
	fd_close(s->mounted->fd);
	free(s->mounted->number);
	free(s->mounted);
}
