/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfiles.c - what a process has that only files of /proc set: how willingly the kernel kills it when memory is short,
 * and what of it is dumped to a core. proc(5), core(5). Written from outside: a container need not have a /proc.
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

struct procfiles_record {
	int32_t oom_score_adj;
	uint32_t coredump_filter;
};

static const struct field procfiles_fields[] = {
	FIELD(struct procfiles_record, oom_score_adj, I32),
	FIELD(struct procfiles_record, coredump_filter, U32),
	FIELDS_END,
};

static int value_read(int proc, pid_t pid, const char *name, int base, int64_t *ret)
{
	char path[64], text[64], *end;
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	ssize_t n = file_read_line(proc, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	errno = 0;
	*ret = strtoll(text, &end, base);
	return errno || end == text || *end ? -EINVAL : 0;
}

static int procfiles_collect(struct collect *c, const struct task_facts *t,
			     const struct program *visit, const void *cookie, void *record,
			     bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct procfiles_record *rec = record;
	int64_t oom, core;
	int r = value_read(c->proc, t->pid, "oom_score_adj", 10, &oom);
	if (r < 0)
		return error_sys(err, -r, "cannot read oom_score_adj of a process");
	r = value_read(c->proc, t->pid, "coredump_filter", 16, &core);
	if (r < 0)
		return error_sys(err, -r, "cannot read coredump_filter of a process");
	*rec = (struct procfiles_record){ (int32_t)oom, (uint32_t)core };
	*ret_none = false;
	return 0;
}

/* A task cannot rely on a /proc: see procfiles_settle(). */
static int procfiles_emit(struct emit *e, const void *record, struct error *err)
{
	(void)e;
	(void)record;
	(void)err;
	return 0;
}

static int value_settle(const struct settle *s, const char *name, int base, int64_t value,
			struct error *err)
{
	int64_t now;
	int r = value_read(s->proc, s->pid, name, base, &now);
	if (r == 0 && now == value)
		return 0;
	char path[64], text[32];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)s->pid, name);
	(void)snprintf(text, sizeof(text), base == 16 ? "0x%" PRIx64 : "%" PRId64, value);
	r = file_write(s->proc, path, text);
	if (r == 0)
		return 0;
	error_sys(err, -r, "cannot set %s of a process to %s", name, text);
	return error_hint(err,
			  "the command needs CAP_SYS_RESOURCE, or to run with at most this value");
}

static int procfiles_settle(const struct settle *s, const void *record, struct error *err)
{
	const struct procfiles_record *rec = record;
	int r = value_settle(s, "oom_score_adj", 10, rec->oom_score_adj, err);
	return r < 0 ? r : value_settle(s, "coredump_filter", 16, rec->coredump_filter, err);
}

const struct task_kind task_kind_procfiles = {
	.name = "procfiles",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_LAST,
	.fields = procfiles_fields,
	.size = sizeof(struct procfiles_record),
	.collect = procfiles_collect,
	.emit = procfiles_emit,
	.settle = procfiles_settle,
};
