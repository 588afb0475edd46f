/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace.c - open files of /proc/PID/ns: which task of the container is in that namespace; on restore that task's
 * is opened, when it exists. Process 1 stands for the container's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "checkpoint/kind/file_kind.h"

struct namespace_record {
	char *type; /* as the file in /proc/PID/ns is called */
	int32_t pid;
};

static const struct field fields[] = {
	FIELD(struct namespace_record, type, TEXT, .max = 32),
	FIELD(struct namespace_record, pid, I32),
	FIELDS_END,
};

static const char *const types[] = {
	"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
	"user",	  "uts",
};

static bool task_is_in(const struct collect *c, pid_t pid, const char *type, const struct stat *ns)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, type);
	return fstatat(c->proc, path, &st, 0) == 0 && st.st_ino == ns->st_ino &&
	       st.st_dev == ns->st_dev;
}

/* "net:[4026531840]". A namespace that is only for children is of the same type, but in another file. */
static bool find(const struct collect *c, pid_t pid, const char *link, const struct stat *ns,
		 const char **ret_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t n = strcspn(link, ":");
		if (strncmp(types[i], link, n) != 0 || (types[i][n] != 0 && types[i][n] != '_'))
			continue;
		if (task_is_in(c, pid, types[i], ns)) {
			*ret_type = types[i];
			return true;
		}
	}
	return false;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	(void)err;
	struct namespace_record *rec = record;
	const char *type;
	pid_t in = find(c, c->init, f->link, &f->st, &type) ? c->init : 0;
	for (size_t i = 0; !in && c->tracees && i < c->tracees->n; i++) {
		const struct tracee *t = &c->tracees->v[i];
		if (t->tid == t->tgid && find(c, t->tgid, f->link, &f->st, &type))
			in = t->tgid;
	}
	rec->pid = in ? collect_vpid(c, in) : 0;
	if (!rec->pid)
		return file_refuse(c, f, "it is a namespace that no task of the container is in",
				   "close it");
	rec->type = arena_strdup(c->arena, type);
	return 0;
}

static bool late(const void *record)
{
	(void)record;
	return true;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	const struct namespace_record *rec = record;
	char path[64];
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known |= str_eq(types[i], rec->type);
	if (!known)
		return error_set(err, EBADMSG, "no namespace is of type '%s'", rec->type);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", rec->pid, rec->type);
	int fd = open(path, (flags & O_PATH) | O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	(void)error_sys(err, errno, "cannot open the namespace");
	return error_object(err, "%s", path);
}

static void describe(const void *record, struct buf *out)
{
	const struct namespace_record *rec = record;
	buf_printf(out, "%s namespace of pid %d", rec->type, rec->pid);
}

static const struct file_match matches[] = {
	{ FILE_NAMESPACE, "cgroup" }, { FILE_NAMESPACE, "ipc" }, { FILE_NAMESPACE, "mnt" },
	{ FILE_NAMESPACE, "net" },    { FILE_NAMESPACE, "pid" }, { FILE_NAMESPACE, "time" },
	{ FILE_NAMESPACE, "user" },   { FILE_NAMESPACE, "uts" }, { FILE_CLASS_NONE, NULL },
};

const struct file_kind file_kind_namespace = {
	.name = "namespace",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct namespace_record),
	.no_flags = true,
	.collect = collect,
	.late = late,
	.open = reopen,
	.describe = describe,
};
