/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduling.c - when and where a thread runs: policy, nice value, real-time priority, deadline, clamps, processors, priority of
 * input and output. All is read from outside. sched_setattr(2), sched_setaffinity(2), ioprio_set(2).
 *
 * Set by the thread itself, and corrected from outside where it may not (CAP_SYS_NICE of the machine is wanted, which a
 * task of a user namespace lacks).
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/kind/proc_status.h"
#include "sys/sched.h"

#define MAX_MASK	   1024 /* bytes: 8192 processors */
#define STAT_NICE	   19
#define CLAMP_MAX	   1024
#define FLAG_CLAMP_MIN	   0x20
#define FLAG_CLAMP_MAX	   0x40
#define FLAGS_THAT_STAY	   0x07 /* reset on fork, reclaim, overrun signal */
#define IO_CLASS(v)	   ((v) >> 13)
#define IO_VALUE(class, n) (((class) << 13) | (n))

struct scheduling_record {
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t clamp_min, clamp_max; /* by flags */
	uint32_t io;		       /* ioprio_get(2), 0: none of its own */
	struct bytes processors;       /* empty: where the engine may run */
};

static const struct field scheduling_fields[] = {
	FIELD(struct scheduling_record, policy, U32, .optional = true),
	FIELD(struct scheduling_record, flags, U64, .optional = true),
	FIELD(struct scheduling_record, nice, I32, .optional = true),
	FIELD(struct scheduling_record, priority, U32, .optional = true),
	FIELD(struct scheduling_record, runtime, U64, .optional = true),
	FIELD(struct scheduling_record, deadline, U64, .optional = true),
	FIELD(struct scheduling_record, period, U64, .optional = true),
	FIELD(struct scheduling_record, clamp_min, U32, .optional = true),
	FIELD(struct scheduling_record, clamp_max, U32, .optional = true),
	FIELD(struct scheduling_record, io, U32, .optional = true),
	FIELD(struct scheduling_record, processors, BYTES, .optional = true, .max = MAX_MASK),
	FIELDS_END,
};

static bool is_realtime(uint32_t policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* Those for which sched_setattr(2) sets the nice value; others have one that sleeps. */
static bool is_fair(uint32_t policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

static int attr_read(pid_t tid, struct sys_sched *ret)
{
	memset(ret, 0, sizeof(*ret));
	return sys_sched_get(tid, ret);
}

/* The kernel tells what it takes for a thread that has none of its own, too. */
static bool is_io_default(long io, const struct sys_sched *a, int nice)
{
	if (io < 0 || IO_CLASS(io) == IOPRIO_CLASS_NONE)
		return true;
	if (is_realtime(a->policy) || a->policy == SCHED_DEADLINE)
		return IO_CLASS(io) == IOPRIO_CLASS_RT && (io & 7) == (nice + 20) / 5;
	if (a->policy == SCHED_IDLE)
		return IO_CLASS(io) == IOPRIO_CLASS_IDLE;
	return io == IO_VALUE(IOPRIO_CLASS_BE, (nice + 20) / 5);
}

static void attr_note(struct sys_sched *a, struct scheduling_record *rec)
{
	rec->policy = a->policy;
	rec->flags = a->flags & FLAGS_THAT_STAY;
	rec->priority = a->priority;
	rec->deadline = a->deadline;
	rec->period = a->period;
	/* since Linux 6.12 an ordinary thread's is its time slice: only one that was chosen is worth a word */
	struct sys_sched own;
	if (a->policy == SCHED_DEADLINE || attr_read(0, &own) < 0 || own.runtime != a->runtime)
		rec->runtime = a->runtime;
	uint32_t usual_min = is_realtime(a->policy) ? CLAMP_MAX : 0;
	if (a->clamp_min && a->clamp_min != usual_min) {
		rec->flags |= FLAG_CLAMP_MIN;
		rec->clamp_min = a->clamp_min;
	}
	if (a->clamp_max && a->clamp_max != CLAMP_MAX) {
		rec->flags |= FLAG_CLAMP_MAX;
		rec->clamp_max = a->clamp_max;
	}
}

static int processors_note(struct collect *c, pid_t tid, struct scheduling_record *rec)
{
	uint8_t v[MAX_MASK], own[MAX_MASK];
	long n = syscall(SYS_sched_getaffinity, tid, sizeof(v), v);
	if (n < 0)
		return -errno;
	long n_own = syscall(SYS_sched_getaffinity, 0, sizeof(own), own);
	if (n == n_own && memcmp(v, own, (size_t)n) == 0)
		return 0;
	rec->processors = (struct bytes){ arena_alloc(c->arena, (size_t)n), (size_t)n };
	memcpy(rec->processors.data, v, (size_t)n);
	return 0;
}

static int scheduling_collect(struct collect *c, const struct task_facts *t,
			      const struct program *visit, const void *cookie, void *record,
			      bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct scheduling_record *rec = record;
	struct sys_sched a;
	int64_t nice = 0;
	int r = attr_read(t->tid, &a);
	if (r == 0)
		r = proc_stat_i64(t->stat, STAT_NICE, &nice);
	if (r == 0)
		r = processors_note(c, t->tid, rec);
	if (r < 0)
		return error_sys(err, -r, "cannot read how a thread is scheduled");
	attr_note(&a, rec);
	rec->nice = (int32_t)nice;
	long io = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, t->tid);
	if (!is_io_default(io, &a, (int)nice))
		rec->io = (uint32_t)io;
	*ret_none = false;
	return 0;
}

static struct sys_sched attr_of(const struct scheduling_record *rec)
{
	struct sys_sched a = {
		.size = sizeof(a),
		.policy = rec->policy,
		.flags = rec->flags,
		.nice = rec->nice,
		.priority = rec->priority,
		.runtime = rec->runtime,
		.deadline = rec->deadline,
		.period = rec->period,
		.clamp_min = rec->clamp_min,
		.clamp_max = rec->clamp_max,
	};
	/* without clamps an older and shorter struct will do, which a kernel without them takes */
	if (!(rec->flags & (FLAG_CLAMP_MIN | FLAG_CLAMP_MAX)))
		a.size = SYS_SCHED_SHORT;
	return a;
}

static void may_be_refused(struct step *s)
{
	s->want = WANT_OK_OR;
	s->value = -EPERM; /* scheduling_settle() looks, and tells */
}

static int scheduling_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct scheduling_record *rec = record;
	struct sys_sched a = attr_of(rec);
	if (rec->processors.size) {
		program_what(e->p, "set the processors of a thread");
		struct step *s = program_call(
			e->p, SYS_sched_setaffinity, 0, rec->processors.size,
			program_data(e->p, rec->processors.data, rec->processors.size));
		s->want = WANT_OK_OR;
		s->value = -EINVAL; /* this machine, or this container now, has none of them */
	}
	program_what(e->p, "set the nice value of a thread");
	if (!is_fair(rec->policy))
		may_be_refused(program_call(e->p, SYS_setpriority, PRIO_PROCESS, 0,
					    (uint64_t)(int64_t)rec->nice));
	program_what(e->p, "set the scheduling of a thread");
	may_be_refused(
		program_call(e->p, SYS_sched_setattr, 0, program_data(e->p, &a, sizeof(a)), 0));
	program_what(e->p, "set the priority of input and output");
	if (rec->io)
		may_be_refused(program_call(e->p, SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, rec->io));
	return 0;
}

/* Sets from outside what the thread could not. */
static int scheduling_settle(const struct settle *s, const void *record, struct error *err)
{
	const struct scheduling_record *rec = record;
	struct sys_sched now, a = attr_of(rec);
	int r = attr_read(s->tid, &now);
	if (r == 0 &&
	    (now.policy != a.policy || now.priority != a.priority ||
	     (is_fair(a.policy) && now.nice != a.nice)) &&
	    sys_sched_set(s->tid, &a) < 0)
		r = -errno;
	if (r == 0 && rec->io &&
	    syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, s->tid) != (long)rec->io &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, s->tid, rec->io) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	error_sys(err, -r, "cannot set how a thread is scheduled (policy %u, priority %u, nice %d)",
		  rec->policy, rec->priority, (int)rec->nice);
	return error_hint(err, "the command needs CAP_SYS_NICE");
}

const struct task_kind task_kind_scheduling = {
	.name = "scheduling",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = scheduling_fields,
	.size = sizeof(struct scheduling_record),
	.collect = scheduling_collect,
	.emit = scheduling_emit,
	.settle = scheduling_settle,
};
