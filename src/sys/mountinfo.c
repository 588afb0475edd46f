/* SPDX-License-Identifier: Apache-2.0 */
/* mountinfo.c - see mountinfo.h. */
#include "sys/mountinfo.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#define MOUNTINFO_MAX (64u << 20) /* 100,000 mounts are allowed by default: sysctl fs.mount-max */

/* Cuts the next field off a line. NULL at its end. */
static char *next_field(char **line)
{
	return *line ? strsep(line, " ") : NULL;
}

/* "\040" is a space: space, tab, newline, '#' and backslash are written in octal. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			     s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
		int c = octal ? (s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0') : 0;
		if (c == 0) {
			*out++ = *s++;
			continue;
		}
		*out++ = (char)c;
		s += 4;
	}
	*out = '\0';
}

static int parse_text(char **line, const char **ret)
{
	char *field = next_field(line);
	if (!field)
		return -EINVAL;
	unescape(field);
	*ret = field;
	return 0;
}

static int parse_id(char **line, int *ret)
{
	uint64_t v;
	const char *field = next_field(line);
	if (!field || parse_u64(field, 0, INT32_MAX, &v) < 0)
		return -EINVAL;
	*ret = (int)v;
	return 0;
}

static int parse_dev(char **line, dev_t *ret)
{
	uint64_t major, minor;
	char *second = next_field(line);
	char *first = second ? strsep(&second, ":") : NULL;
	if (!second || parse_u64(first, 0, UINT32_MAX, &major) < 0 ||
	    parse_u64(second, 0, UINT32_MAX, &minor) < 0)
		return -EINVAL;
	*ret = makedev((unsigned)major, (unsigned)minor);
	return 0;
}

/* The fields up to "-": shared:X master:X propagate_from:X unbindable; unknown ones are to be skipped. */
static int parse_optional(char **line, struct mountinfo *m)
{
	const struct {
		const char *prefix;
		unsigned *ret;
	} tags[] = {
		{ "shared:", &m->shared },
		{ "master:", &m->master },
		{ "propagate_from:", &m->propagate_from },
	};

	for (;;) {
		const char *field = next_field(line);
		if (!field)
			return -EINVAL;
		if (strcmp(field, "-") == 0)
			return 0;
		if (strcmp(field, "unbindable") == 0)
			m->unbindable = true;
		for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
			uint64_t v;
			if (!str_has_prefix(field, tags[i].prefix))
				continue;
			if (parse_u64(field + strlen(tags[i].prefix), 1, UINT32_MAX, &v) < 0)
				return -EINVAL;
			*tags[i].ret = (unsigned)v;
		}
	}
}

int mountinfo_parse_line(char *line, struct mountinfo *ret)
{
	struct mountinfo m = { 0 };

	if (parse_id(&line, &m.id) < 0 || parse_id(&line, &m.parent) < 0 ||
	    parse_dev(&line, &m.dev) < 0 || parse_text(&line, &m.root) < 0 ||
	    parse_text(&line, &m.mount_point) < 0 || parse_text(&line, &m.options) < 0 ||
	    parse_optional(&line, &m) < 0 || parse_text(&line, &m.type) < 0 ||
	    parse_text(&line, &m.source) < 0 || parse_text(&line, &m.super_options) < 0)
		return -EINVAL;
	if (m.mount_point[0] != '/' || !*m.type)
		return -EINVAL;
	*ret = m;
	return 0;
}

int mountinfo_read(struct arena *a, int dirfd, const char *path, struct mountinfo **ret,
		   size_t *ret_n)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct mountinfo *all = NULL;
	size_t n = 0;

	int r = file_read(dirfd, path, MOUNTINFO_MAX, &text);
	if (r < 0)
		return r;
	char *rest = arena_strndup(a, buf_str(&text), text.len);
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		r = mountinfo_parse_line(line, arena_push(a, all, n));
		if (r < 0)
			return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}
