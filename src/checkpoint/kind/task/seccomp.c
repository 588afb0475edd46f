/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.c - a thread's filters, the oldest first, or its strict mode. seccomp(2), PTRACE_SECCOMP_GET_FILTER. A filter that many
 * threads have is one record of type "seccomp".
 *
 * Where all threads of a process have the same filters, the leader installs them for all (TSYNC), when the others have
 * done everything else: then they are the same objects as before, and a later TSYNC of the program works. Filters are
 * installed with SPEC_ALLOW, since speculation is restored as it was by itself.
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "checkpoint/kind/filter_program.h"
#include "checkpoint/kind/known_filter.h"
#include "checkpoint/kind/privileges.h"

#define GET_FILTER   0x420c /* PTRACE_SECCOMP_GET_FILTER */
#define GET_METADATA 0x420d /* PTRACE_SECCOMP_GET_METADATA */
#define MAX_FILTERS  1024

struct filter_record {
	struct bytes program; /* struct sock_filter[] */
	uint32_t flags;	      /* SECCOMP_FILTER_FLAG_LOG */
};

static const struct field filter_fields[] = {
	FIELD(struct filter_record, program, BYTES,
	      .max = BPF_MAXINSNS * sizeof(struct sock_filter)),
	FIELD(struct filter_record, flags, U32, .optional = true),
	FIELDS_END,
};

struct seccomp_record {
	bool strict;
	struct u64s filters; /* ids of filter_record, the oldest first */
	bool together;	     /* leader: all threads have the same */
	bool opaque;	     /* a filter stops what our own program must do afterwards */
	bool late;	     /* drop CAP_SYS_ADMIN afterwards: the sets below */
	uint64_t effective, permitted, inheritable;
};

static const struct field seccomp_fields[] = {
	FIELD(struct seccomp_record, strict, BOOL, .optional = true),
	FIELD(struct seccomp_record, filters, U64S, .optional = true, .max = MAX_FILTERS),
	FIELD(struct seccomp_record, together, BOOL, .optional = true),
	FIELD(struct seccomp_record, opaque, BOOL, .optional = true),
	FIELD(struct seccomp_record, late, BOOL, .optional = true),
	FIELD(struct seccomp_record, effective, U64, .optional = true),
	FIELD(struct seccomp_record, permitted, U64, .optional = true),
	FIELD(struct seccomp_record, inheritable, U64, .optional = true),
	FIELDS_END,
};

/* ---- dump ---- */

struct one_filter {
	uint32_t flags, n;
	struct sock_filter v[BPF_MAXINSNS];
};

static size_t filter_size(const struct one_filter *f)
{
	return offsetof(struct one_filter, v) + f->n * sizeof(f->v[0]);
}

/* The index-th filter of a thread, counted from the oldest. -ENOENT after the last. */
static int filter_read(pid_t tid, uint64_t index, struct one_filter *ret)
{
	struct {
		uint64_t index, flags;
	} meta = { .index = index };
	long n = syscall(SYS_ptrace, GET_FILTER, tid, index, ret->v);
	if (n < 0)
		return -errno;
	if (n > BPF_MAXINSNS)
		return -EINVAL;
	ret->n = (uint32_t)n;
	/* Linux 4.16; the only flag that it tells, and that matters later, is that of logging */
	if (syscall(SYS_ptrace, GET_METADATA, tid, sizeof(meta), &meta) < 0)
		return -errno;
	ret->flags = (uint32_t)meta.flags;
	return 0;
}

static int filter_note(struct collect *c, const struct task_facts *t, const struct one_filter *f,
		       struct seccomp_record *rec, uint64_t *ret_id, struct error *err)
{
	bool is_new;
	*ret_id = collect_intern(c, "seccomp", f, filter_size(f), &is_new);
	if (!filter_program_allows(f->v, f->n, SYS_futex) ||
	    (rec->late && !filter_program_allows(f->v, f->n, SYS_capset)))
		rec->opaque = true;
	if (filter_program_may_return(f->v, f->n, SECCOMP_RET_USER_NOTIF))
		return collect_refuse(c, t->pid, "a seccomp filter that notifies another process",
				      "its listener cannot be made again",
				      "run without such a filter");
	if (!is_new)
		return 0;
	struct filter_record one = { { (void *)f->v, f->n * sizeof(f->v[0]) }, f->flags };
	return collect_put(c, "seccomp", *ret_id, filter_fields, &one, err);
}

static bool is_forbidden(int r)
{
	return r == -EACCES || r == -EPERM;
}

static int filters_refuse(struct collect *c, const struct task_facts *t, int errnum,
			  struct error *err)
{
	if (errnum == EACCES || errnum == EPERM)
		return collect_refuse(c, t->pid, "a seccomp filter that the program has installed",
				      "only root of the machine may read it",
				      "checkpoint as root, or run the program without its sandbox");
	if (errnum == EMEDIUMTYPE || errnum == EINVAL)
		return collect_refuse(c, t->pid, "a seccomp filter",
				      "this kernel does not keep its program",
				      "use a kernel with CONFIG_CHECKPOINT_RESTORE");
	return error_sys(err, errnum, "cannot read a seccomp filter");
}

/* What cannot be read, but is known: at most one. */
static int filters_note_known(struct collect *c, const struct task_facts *t, int forbidden,
			      struct seccomp_record *rec, struct error *err)
{
	struct one_filter f;
	uint64_t id;
	const struct known_filter *k = c->filter;
	switch (known_filters_of(c, t->pid, t->tid)) {
	case KNOWN_FILTERS_NONE:
		return 0;
	case KNOWN_FILTERS_JOB:
		break;
	default:
		return filters_refuse(c, t, -forbidden, err);
	}
	f.flags = k->flags;
	f.n = k->n;
	memcpy(f.v, k->v, k->n * sizeof(k->v[0]));
	int r = filter_note(c, t, &f, rec, &id, err);
	if (r < 0)
		return r;
	*arena_push(c->arena, rec->filters.v, rec->filters.n) = id;
	return 0;
}

static int filters_note(struct collect *c, const struct task_facts *t, struct seccomp_record *rec,
			struct error *err)
{
	struct one_filter f;
	uint64_t *ids = NULL;
	size_t n = 0;
	bool is_last = false; /* the ones so far deny that others follow */
	for (;;) {
		int r = filter_read(t->tid, n, &f);
		if (r == -ENOENT)
			break;
		if (is_forbidden(r))
			return filters_note_known(c, t, r, rec, err);
		if (r < 0)
			return filters_refuse(c, t, -r, err);
		uint64_t id;
		r = filter_note(c, t, &f, rec, &id, err);
		if (r < 0)
			return r;
		rec->opaque |= is_last;
		is_last |= !filter_program_allows(f.v, f.n, SYS_seccomp);
		*arena_push(c->arena, ids, n) = id;
	}
	rec->filters = (struct u64s){ ids, n };
	return 0;
}

/* Whether another thread has exactly these filters. */
static bool has_filters(struct collect *c, const struct tracee *t, const struct u64s *ids,
			struct one_filter *f)
{
	if (is_forbidden(filter_read(t->tid, 0, f)))
		return ids->n == 1 && known_filters_of(c, t->tgid, t->tid) == KNOWN_FILTERS_JOB;
	for (size_t i = 0; i < ids->n; i++) {
		if (filter_read(t->tid, i, f) < 0)
			return false;
		if (collect_intern(c, "seccomp", f, filter_size(f), NULL) != ids->v[i])
			return false;
	}
	return filter_read(t->tid, ids->n, f) == -ENOENT;
}

static bool is_together(struct collect *c, pid_t leader, const struct u64s *ids)
{
	struct one_filter f;
	size_t n = 0;
	for (size_t i = 0; i < c->tracees->n; i++) {
		const struct tracee *t = &c->tracees->v[i];
		if (t->tgid != leader || t->tid == leader)
			continue;
		if (!has_filters(c, t, ids, &f))
			return false;
		n++;
	}
	return n > 0;
}

static int seccomp_collect(struct collect *c, const struct task_facts *t,
			   const struct program *visit, const void *cookie, void *record,
			   bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct seccomp_record *rec = record;
	struct privileges p;
	int r = privileges_parse(t->status, &p);
	if (r < 0)
		return error_sys(err, -r, "cannot read the privileges of a thread");
	*ret_none = p.seccomp == 0;
	if (p.seccomp == PRIVILEGES_SECCOMP_STRICT)
		rec->strict = rec->opaque = true;
	if (p.seccomp != PRIVILEGES_SECCOMP_FILTER)
		return 0;
	rec->late = privileges_late(&p);
	if (rec->late) {
		rec->effective = p.effective;
		rec->permitted = p.permitted;
		rec->inheritable = p.inheritable;
	}
	r = filters_note(c, t, rec, err);
	if (r == 0 && t->leader && rec->filters.n)
		rec->together = is_together(c, t->tid, &rec->filters);
	return r;
}

/* ---- restore ---- */

static int filter_emit(struct emit *e, uint64_t id, uint32_t more_flags, struct error *err)
{
	struct filter_record f;
	int r = image_get(e->img, "seccomp", id, filter_fields, e->arena, &f, err);
	if (r < 0)
		return r;
	size_t n = f.program.size / sizeof(struct sock_filter);
	if (!n || n > BPF_MAXINSNS || f.program.size % sizeof(struct sock_filter) ||
	    f.flags & ~SECCOMP_FILTER_FLAG_LOG)
		return error_set(err, EBADMSG, "seccomp filter %llu is none",
				 (unsigned long long)id);
	struct {
		uint16_t n, pad[3];
		uint64_t v;
	} program = { .n = (uint16_t)n, .v = program_data(e->p, f.program.data, f.program.size) };
	program_what(e->p, "install a seccomp filter");
	struct step *s = program_call(e->p, SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				      f.flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW | more_flags,
				      program_data(e->p, &program, sizeof(program)));
	s->want =
		WANT_EQUAL; /* with TSYNC the number of a thread that stood in the way is no error */
	s->value = 0;
	return 0;
}

static void caps_emit(struct emit *e, const struct seccomp_record *rec)
{
	if (rec->late)
		privileges_emit_caps(e->p, rec->effective, rec->permitted, rec->inheritable);
}

/* How the others of the process do it. */
static int leader_record(struct emit *e, struct seccomp_record *ret, struct error *err)
{
	memset(ret, 0, sizeof(*ret));
	if (!image_has(e->img, "thread.seccomp", (uint64_t)e->vpid))
		return 0;
	return image_get(e->img, "thread.seccomp", (uint64_t)e->vpid, seccomp_fields, e->arena, ret,
			 err);
}

static void meeting_step(struct emit *e, enum step_op op, uint64_t n)
{
	struct step *s = program_step(e->p, op);
	s->arg[0] = e->meeting;
	s->arg[1] = n;
}

static int opaque_refuse(const struct emit *e, struct error *err)
{
	error_set(err, ENOTSUP, "the seccomp filter of thread %d denies what restoring it needs",
		  (int)e->vtid);
	return error_hint(err, "restore it as root");
}

static int seccomp_emit(struct emit *e, const void *record, struct error *err)
{
	const struct seccomp_record *rec = record;
	struct seccomp_record leader;
	if (rec->opaque && !e->watched)
		return opaque_refuse(e, err);
	if (rec->strict) {
		program_what(e->p, "enter seccomp's strict mode");
		program_call(e->p, SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		return 0;
	}
	int r = leader_record(e, &leader, err);
	if (r < 0)
		return r;
	bool together = leader.together && e->meeting && e->n_threads > 1;
	if (together && !e->leader) {
		caps_emit(e, rec);
		program_what(e->p, "meet the other threads");
		meeting_step(e, STEP_ADD, 1);
		return 0;
	}
	program_what(e->p, "wait for the other threads");
	if (together)
		meeting_step(e, STEP_WAIT, e->n_threads - 1);
	for (size_t i = 0; i < rec->filters.n; i++) {
		r = filter_emit(e, rec->filters.v[i], together ? SECCOMP_FILTER_FLAG_TSYNC : 0,
				err);
		if (r < 0)
			return r;
	}
	caps_emit(e, rec);
	return 0;
}

static bool seccomp_guarded(const void *record)
{
	return ((const struct seccomp_record *)record)->opaque;
}

const struct task_kind task_kind_seccomp = {
	.name = "seccomp",
	.scope = SCOPE_THREAD,
	.phase = PHASE_LAST,
	.fields = seccomp_fields,
	.size = sizeof(struct seccomp_record),
	.collect = seccomp_collect,
	.emit = seccomp_emit,
	.guarded = seccomp_guarded,
};
