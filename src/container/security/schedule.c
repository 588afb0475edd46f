/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.c - CPU scheduler and I/O priority. sched_setattr(2), ioprio_set(2). */
#include "container/security/parts.h"

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/sched.h"

struct word {
	const char *name;
	unsigned value;
};

static const struct word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },	 { "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_IDLE", SCHED_IDLE },	 { "SCHED_DEADLINE", SCHED_DEADLINE },
};

static const struct word flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
};

static const struct word io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
};

#define IO_LEVELS 8

static int find(const struct word *words, size_t n, const char *name, const char *pointer,
		struct error *err)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(name, words[i].name))
			return (int)words[i].value;
	error_set(err, EINVAL, "\"%.64s\" is not known", name ? name : "");
	error_hint(err, "such as %s", words[0].name);
	return error_object(err, "%s", pointer);
}

static int out_of_range(const char *pointer, long long value, long long min, long long max,
			struct error *err)
{
	error_set(err, EINVAL, "%lld is not within %lld..%lld", value, min, max);
	return error_object(err, "%s", pointer);
}

static int scheduler_prepare(const struct spec_scheduler *from, struct security *ret,
			     struct error *err)
{
	int policy = find(policies, ARRAY_SIZE(policies), from->policy, "/process/scheduler/policy",
			  err);
	if (policy < 0)
		return policy;
	if (from->nice < -20 || from->nice > 19)
		return out_of_range("/process/scheduler/nice", from->nice, -20, 19, err);
	bool realtime = policy == SCHED_FIFO || policy == SCHED_RR;
	int min = realtime ? 1 : 0, max = realtime ? 99 : 0;
	if (from->priority < min || from->priority > max)
		return out_of_range("/process/scheduler/priority", from->priority, min, max, err);
	for (size_t i = 0; i < from->flags.n; i++) {
		int flag = find(flags, ARRAY_SIZE(flags), from->flags.v[i],
				"/process/scheduler/flags", err);
		if (flag < 0)
			return flag;
		ret->scheduler.flags |= (unsigned)flag;
	}
	ret->has_scheduler = true;
	ret->scheduler.policy = (uint32_t)policy;
	ret->scheduler.nice = (int32_t)from->nice;
	ret->scheduler.priority = (uint32_t)from->priority;
	ret->scheduler.runtime = from->runtime;
	ret->scheduler.deadline = from->deadline;
	ret->scheduler.period = from->period;
	return 0;
}

static int io_prepare(const struct spec_io_priority *from, struct security *ret, struct error *err)
{
	int cls = find(io_classes, ARRAY_SIZE(io_classes), from->cls, "/process/ioPriority/class",
		       err);
	if (cls < 0)
		return cls;
	if (from->priority < 0 || from->priority >= IO_LEVELS)
		return out_of_range("/process/ioPriority/priority", from->priority, 0,
				    IO_LEVELS - 1, err);
	ret->has_io_priority = true;
	ret->io_priority = (int)IOPRIO_PRIO_VALUE((unsigned)cls, (unsigned)from->priority);
	return 0;
}

int schedule_prepare(const struct spec *spec, struct security *ret, struct error *err)
{
	const struct spec_process *proc = &spec->process;
	int r = 0;
	if (proc->has_scheduler)
		r = scheduler_prepare(&proc->scheduler, ret, err);
	if (r == 0 && proc->has_io_priority)
		r = io_prepare(&proc->io_priority, ret, err);
	return r;
}

static int scheduler_apply(const struct security *sec, struct error *err)
{
	struct sys_sched attr = {
		.size = SYS_SCHED_SHORT,
		.policy = sec->scheduler.policy,
		.flags = sec->scheduler.flags,
		.nice = sec->scheduler.nice,
		.priority = sec->scheduler.priority,
		.runtime = sec->scheduler.runtime,
		.deadline = sec->scheduler.deadline,
		.period = sec->scheduler.period,
	};
	int e = -sys_sched_set(0, &attr);
	if (!e)
		return 0;
	apply_error(err, e, "cannot set scheduler policy %u", attr.policy);
	if (e == EPERM)
		error_hint(err, "needs CAP_SYS_NICE, and for real-time policies a cgroup with "
				"real-time budget");
	return error_object(err, "/process/scheduler");
}

int schedule_apply(const struct security *sec, struct error *err)
{
	int r = sec->has_scheduler ? scheduler_apply(sec, err) : 0;
	if (r < 0 || !sec->has_io_priority)
		return r;
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, sec->io_priority) == 0)
		return 0;
	int e = errno;
	apply_error(err, e, "cannot set the I/O priority");
	if (e == EPERM)
		error_hint(err, "the real-time class needs CAP_SYS_NICE or CAP_SYS_ADMIN");
	return error_object(err, "/process/ioPriority");
}
