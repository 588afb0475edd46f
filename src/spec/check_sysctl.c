/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_sysctl.c - which sysctls a container may set: those that belong to one of its namespaces.
 * All others are the machine's. A namespace that is joined by path counts: callers that prepare
 * the network namespace of a group of containers set its sysctls this way; only one that is not
 * listed is the host's.
 */
#include <string.h>

#include "base/parse.h"
#include "spec/check.h"

/* Files below /proc/sys, by prefix; one that ends in "/" covers the directory. */
static const struct sysctl_row {
	const char *file;
	const char *ns; /* NULL: not this way */
	const char *hint;
} rows[] = {
	{ "net/", "network", NULL },
	{ "fs/mqueue/", "ipc", NULL },
	{ "kernel/msgmax", "ipc", NULL },
	{ "kernel/msgmnb", "ipc", NULL },
	{ "kernel/msgmni", "ipc", NULL },
	{ "kernel/msg_next_id", "ipc", NULL },
	{ "kernel/sem", "ipc", NULL },
	{ "kernel/sem_next_id", "ipc", NULL },
	{ "kernel/shmall", "ipc", NULL },
	{ "kernel/shmmax", "ipc", NULL },
	{ "kernel/shmmni", "ipc", NULL },
	{ "kernel/shm_next_id", "ipc", NULL },
	{ "kernel/shm_rmid_forced", "ipc", NULL },
	{ "kernel/domainname", "uts", NULL },
	{ "kernel/hostname", NULL, "use \"hostname\"" },
	{ "user/", "user", NULL },
};

int spec_sysctl_path(const char *key, char *ret, size_t size)
{
	const char *first = strpbrk(key, "./");
	size_t n = strlen(key), start = 0;
	if (n >= size || !first)
		return -EINVAL;
	bool swap = *first == '.';
	for (size_t i = 0; i <= n; i++) {
		char ch = key[i];
		if (swap && ch)
			ch = ch == '.' ? '/' : ch == '/' ? '.' : ch;
		ret[i] = ch;
		if (ch && ch != '/')
			continue;
		ret[i] = '\0'; /* a component ends: none may be empty, "." or ".." */
		if (!is_file_name(ret + start))
			return -EINVAL;
		ret[i] = ch;
		start = i + 1;
	}
	return 0;
}

static const struct sysctl_row *row_find(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = strlen(rows[i].file);
		bool directory = rows[i].file[n - 1] == '/';
		if (directory ? !strncmp(file, rows[i].file, n) : !strcmp(file, rows[i].file))
			return &rows[i];
	}
	return NULL;
}

/* Whether the container may set it; if not, err says why. */
static bool is_allowed(const struct spec *s, const char *key, struct error *err)
{
	char file[256];
	if (spec_sysctl_path(key, file, sizeof(file)) < 0) {
		(void)error_set(err, EINVAL, "not the name of a sysctl");
		return false;
	}
	const struct sysctl_row *row = row_find(file);
	if (row && row->ns && spec_namespace_find(s, row->ns))
		return true;
	if (!row) {
		(void)error_set(err, EINVAL, "belongs to the whole machine, not to a container");
	} else if (!row->ns) {
		(void)error_set(err, EINVAL, "the configuration has a field of its own for it");
		(void)error_hint(err, "%s", row->hint);
	} else {
		(void)error_set(err, EINVAL,
				"would be changed for the whole machine: there is no %s namespace",
				row->ns);
		(void)error_hint(err, "add {\"type\": \"%s\"} to linux.namespaces", row->ns);
	}
	return false;
}

int check_sysctl(const struct check *c, const struct spec *s)
{
	const struct spec_pairs *map = &s->linux_.sysctl;
	for (size_t i = 0; i < map->n; i++)
		if (!is_allowed(s, map->v[i].key, c->err))
			return check_at_key(c, "/sysctl", map->v[i].key);
	return 0;
}
