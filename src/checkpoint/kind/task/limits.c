/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.c - resource limits. getrlimit(2). Set late, when descriptors, memory and threads are in place, and before privileges
 * are lost: a hard limit above ours takes CAP_SYS_RESOURCE of the machine. What a task of a user namespace
 * may not do is done from outside.
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/kind/proc_limits.h"

struct limits_record {
	struct u64s limits; /* soft and hard of each resource, in the kernel's order */
};

static const struct field limits_fields[] = {
	FIELD(struct limits_record, limits, U64S, .max = 2 * PROC_LIMITS_N),
	FIELDS_END,
};

/* Everybody may read the file; prlimit(2) of a process of another user takes CAP_SYS_RESOURCE. */
static int limits_read(int proc, pid_t pid, struct proc_limit v[PROC_LIMITS_N], struct error *err)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/limits", (int)pid);
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(proc, path, 65536, &text);
	if (r == 0)
		r = proc_limits_parse(buf_str(&text), v);
	return r < 0 ? error_sys(err, -r, "cannot read the limits of a process") : 0;
}

static int limits_collect(struct collect *c, const struct task_facts *t,
			  const struct program *visit, const void *cookie, void *record,
			  bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct limits_record *rec = record;
	struct proc_limit v[PROC_LIMITS_N];
	int r = limits_read(c->proc, t->pid, v, err);
	if (r < 0)
		return r;
	rec->limits = (struct u64s){ arena_alloc(c->arena, sizeof(v)), 2 * PROC_LIMITS_N };
	memcpy(rec->limits.v, v, sizeof(v));
	*ret_none = false;
	return 0;
}

static const char *limit_what(int resource)
{
	static const char *const what[] = {
		"set the limit RLIMIT_CPU",	 "set the limit RLIMIT_FSIZE",
		"set the limit RLIMIT_DATA",	 "set the limit RLIMIT_STACK",
		"set the limit RLIMIT_CORE",	 "set the limit RLIMIT_RSS",
		"set the limit RLIMIT_NPROC",	 "set the limit RLIMIT_NOFILE",
		"set the limit RLIMIT_MEMLOCK",	 "set the limit RLIMIT_AS",
		"set the limit RLIMIT_LOCKS",	 "set the limit RLIMIT_SIGPENDING",
		"set the limit RLIMIT_MSGQUEUE", "set the limit RLIMIT_NICE",
		"set the limit RLIMIT_RTPRIO",	 "set the limit RLIMIT_RTTIME",
	};
	return what[resource];
}

static int limits_check(const struct limits_record *rec, struct error *err)
{
	if (rec->limits.n != 2 * PROC_LIMITS_N)
		return error_set(err, EBADMSG, "%zu limits, where there are %d", rec->limits.n / 2,
				 PROC_LIMITS_N);
	return 0;
}

static int limits_emit(struct emit *e, const void *record, struct error *err)
{
	const struct limits_record *rec = record;
	int r = limits_check(rec, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < PROC_LIMITS_N; i++) {
		program_what(e->p, limit_what((int)i));
		struct step *s = program_call(
			e->p, SYS_prlimit64, 0, i,
			program_data(e->p, &rec->limits.v[2 * i], 2 * sizeof(uint64_t)), 0);
		s->want = WANT_OK_OR;
		s->value = -EPERM; /* limits_settle() looks, and tells */
	}
	return 0;
}

static int limits_settle(const struct settle *s, const void *record, struct error *err)
{
	const struct limits_record *rec = record;
	struct proc_limit now[PROC_LIMITS_N];
	int r = limits_check(rec, err);
	if (r == 0)
		r = limits_read(s->proc, s->pid, now, err);
	for (size_t i = 0; r == 0 && i < PROC_LIMITS_N; i++) {
		const uint64_t *wanted = &rec->limits.v[2 * i];
		if ((now[i].soft == wanted[0] && now[i].hard == wanted[1]) ||
		    syscall(SYS_prlimit64, s->pid, i, wanted, NULL) == 0 ||
		    s->own_init) /* it raises what it can, on every machine */
			continue;
		error_sys(err, errno, "cannot set the limit %s", proc_limit_name((int)i));
		return error_hint(err,
				  "the limits of the command must not be lower than these were, "
				  "or it needs CAP_SYS_RESOURCE");
	}
	return r;
}

const struct task_kind task_kind_limits = {
	.name = "limits",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_CREDENTIALS,
	.fields = limits_fields,
	.size = sizeof(struct limits_record),
	.collect = limits_collect,
	.emit = limits_emit,
	.settle = limits_settle,
};
