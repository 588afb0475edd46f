/* SPDX-License-Identifier: Apache-2.0 */
/* traits.c - see traits.h. */
#include "proc/traits.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define STATUS_MAX	 (1u << 20) /* 65536 groups, of ten digits each at most */
#define STAT_FIELD_FLAGS 9
#define PF_KTHREAD	 0x00200000

/* What stands behind "NAME:" and its blanks; NULL: there is no such line. */
static const char *line_of(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " \t");
	return NULL;
}

/* One number at *p, which moves behind it and the blanks. */
static int number(const char **p, int base, uint64_t *ret)
{
	if (!isxdigit((unsigned char)**p))
		return -EINVAL;
	char *end;
	errno = 0;
	uint64_t v = strtoull(*p, &end, base);
	if (errno || end == *p || (*end && !isspace((unsigned char)*end)))
		return -EINVAL;
	*p = end + strspn(end, " \t");
	*ret = v;
	return 0;
}

static int number_of(const char *text, const char *name, int base, uint64_t *ret)
{
	const char *p = line_of(text, name);
	return p ? number(&p, base, ret) : -ENOENT;
}

static int four_ids(const char *text, const char *name, uint32_t ids[PROC_IDS])
{
	const char *p = line_of(text, name);
	for (size_t i = 0; i < PROC_IDS; i++) {
		uint64_t v;
		if (!p || number(&p, 10, &v) < 0 || v > UINT32_MAX)
			return -EINVAL;
		ids[i] = (uint32_t)v;
	}
	return 0;
}

static int groups_of(const char *text, struct arena *a, struct proc_traits *t)
{
	const char *p = line_of(text, "Groups");
	if (!p)
		return -EINVAL;
	while (*p && *p != '\n') {
		uint64_t v;
		if (number(&p, 10, &v) < 0 || v > UINT32_MAX)
			return -EINVAL;
		*arena_push(a, t->groups, t->n_groups) = (gid_t)v;
	}
	return 0;
}

static int capabilities_of(const char *text, struct proc_traits *t)
{
	if (number_of(text, "CapInh", 16, &t->inheritable) < 0 ||
	    number_of(text, "CapPrm", 16, &t->permitted) < 0 ||
	    number_of(text, "CapEff", 16, &t->effective) < 0 ||
	    number_of(text, "CapBnd", 16, &t->bounding) < 0 ||
	    number_of(text, "CapAmb", 16, &t->ambient) < 0)
		return -EINVAL;
	return 0;
}

int proc_traits_parse(const char *text, struct arena *a, struct proc_traits *ret)
{
	struct proc_traits t = { .umask = -1 };
	uint64_t v[5] = { 0 };
	const char *state = line_of(text, "State");
	if (!state || !isalpha((unsigned char)*state) || four_ids(text, "Uid", t.uids) < 0 ||
	    four_ids(text, "Gid", t.gids) < 0 || groups_of(text, a, &t) < 0 ||
	    capabilities_of(text, &t) < 0 || number_of(text, "NoNewPrivs", 10, &v[0]) < 0 ||
	    number_of(text, "Seccomp", 10, &v[1]) == -EINVAL ||
	    number_of(text, "Tgid", 10, &v[2]) < 0 || number_of(text, "TracerPid", 10, &v[3]) < 0)
		return -EINVAL;
	int r = number_of(text, "Umask", 8, &v[4]);
	if (r == -EINVAL || v[1] > 2 || v[2] > INT32_MAX || v[3] > INT32_MAX || v[4] > 07777)
		return -EINVAL;
	t.state = *state;
	t.no_new_privs = v[0];
	t.seccomp = (int)v[1];
	t.tgid = (pid_t)v[2];
	t.tracer = (pid_t)v[3];
	t.umask = r < 0 ? -1 : (int)v[4];
	*ret = t;
	return 0;
}

static int read_text(int proc, pid_t pid, const char *file, struct buf *text)
{
	char path[48];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	int r = file_read(proc, path, STATUS_MAX, text);
	return r == -ENOENT ? -ESRCH : r;
}

int proc_traits_read(int proc, pid_t pid, struct arena *a, struct proc_traits *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = read_text(proc, pid, "status", &text);
	return r < 0 ? r : proc_traits_parse(buf_str(&text), a, ret);
}

int proc_stat_is_kernel_thread(const char *text)
{
	/* the name in brackets may hold anything, brackets too: the last one ends it */
	const char *p = strrchr(text, ')');
	uint64_t flags;
	for (int field = 2; p && field < STAT_FIELD_FLAGS; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p || number(&p, 10, &flags) < 0)
		return -EINVAL;
	return (flags & PF_KTHREAD) != 0;
}

int proc_is_kernel_thread(int proc, pid_t pid)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = read_text(proc, pid, "stat", &text);
	return r < 0 ? r : proc_stat_is_kernel_thread(buf_str(&text));
}
