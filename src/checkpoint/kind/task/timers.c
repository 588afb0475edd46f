/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timers.c - POSIX timers, with their ids. timer_create(2). /proc/PID/timers tells what they are, the task how much time
 * is left; both while everything stands still. Times are restored as what is left, on every clock.
 *
 * A signal that a timer has queued is carried with the other pending signals; a periodic timer runs on beside it. The count of the
 * overruns of a signal that was taken before cannot be set by any call: it begins at 0.
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "checkpoint/kind/proc_timers.h"
#include "checkpoint/kind/task_record.h"

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif
/* Linux 6.15: timer_create(2) takes the id that its result names. */
#define PR_TIMER_CREATE_RESTORE_IDS 77
enum { RESTORE_IDS_OFF, RESTORE_IDS_ON, RESTORE_IDS_GET };

#define MAX_TEXT (16 << 20)
#define MAX_LOOP 20000 /* timers made and deleted to reach an id, where the kernel cannot be told */

struct time_spec {
	int64_t sec, nsec;
};

struct timer_record {
	int32_t id, signal, notify, clock;
	int32_t thread; /* SIGEV_THREAD_ID: container number */
	uint64_t value;
	uint64_t left, interval; /* ns */
};

struct timers_record {
	struct list timers;
};

static const struct field timer_fields[] = {
	FIELD(struct timer_record, id, I32),
	FIELD(struct timer_record, signal, I32),
	FIELD(struct timer_record, notify, I32),
	FIELD(struct timer_record, clock, I32),
	FIELD(struct timer_record, thread, I32, .optional = true),
	FIELD(struct timer_record, value, U64, .optional = true),
	FIELD(struct timer_record, left, U64, .optional = true),
	FIELD(struct timer_record, interval, U64, .optional = true),
	FIELDS_END,
};

static const struct field timers_fields[] = {
	FIELD(struct timers_record, timers, LIST, .max = 1 << 20, .fields = timer_fields,
	      .size = sizeof(struct timer_record)),
	FIELDS_END,
};

struct cookie {
	uint64_t times; /* struct time_spec [2] for each: interval, value */
	uint64_t n;
};

static int timers_read(int proc, pid_t pid, struct arena *arena, struct proc_timer **ret, size_t *n)
{
	char path[64];
	(void)snprintf(path, sizeof(path), proc >= 0 ? "%d/timers" : "/proc/%d/timers", (int)pid);
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(proc, path, MAX_TEXT, &text);
	return r < 0 ? r : proc_timers_parse(buf_str(&text), arena, ret, n);
}

static int timers_ask(const struct task_facts *t, struct program *visit, void *data)
{
	struct cookie *cookie = data;
	CLEANUP_ARENA struct arena arena = { 0 };
	struct proc_timer *v;
	size_t n;
	if (timers_read(-1, t->pid, &arena, &v, &n) < 0)
		return 0; /* collect() tells */
	cookie->n = n;
	if (!n)
		return 0;
	cookie->times = program_data(visit, NULL, n * 2 * sizeof(struct time_spec));
	program_what(visit, "ask for the times of timers");
	for (size_t i = 0; i < n; i++)
		program_call(visit, SYS_timer_gettime, (uint64_t)v[i].id,
			     cookie->times + i * 2 * sizeof(struct time_spec));
	return 0;
}

static uint64_t time_ns(struct time_spec t)
{
	return (uint64_t)t.sec * 1000000000 + (uint64_t)t.nsec;
}

static struct time_spec time_of(uint64_t ns)
{
	return (struct time_spec){ (int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000) };
}

static int timers_collect(struct collect *c, const struct task_facts *t,
			  const struct program *visit, const void *data, void *record,
			  bool *ret_none, struct error *err)
{
	const struct cookie *cookie = data;
	struct timers_record *rec = record;
	struct proc_timer *v;
	size_t n;
	int r = timers_read(c->proc, t->pid, c->arena, &v, &n);
	if (r < 0)
		return error_sys(err, -r, "cannot read the timers of a process");
	*ret_none = n == 0;
	if (!n)
		return 0;
	if (n != cookie->n)
		return error_set(err, EAGAIN,
				 "a process' timers have changed while it was stopped");
	const struct time_spec *times = program_at(visit, cookie->times);
	struct timer_record *out = arena_alloc(c->arena, n * sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct timer_record){
			.id = v[i].id,
			.signal = v[i].signal,
			.notify = v[i].notify,
			.clock = v[i].clock,
			.value = v[i].value,
			.interval = time_ns(times[2 * i]),
			.left = time_ns(times[2 * i + 1]),
		};
		if (!(v[i].notify & SIGEV_THREAD_ID))
			continue;
		/* 0: the thread has ended; its timer goes on and nobody hears it */
		out[i].thread = collect_vpid(c, v[i].target);
	}
	rec->timers = (struct list){ out, n };
	return 0;
}

/* The number of a thread of ours in our own pid namespace: what timer_create(2) wants. */
static int thread_number(struct emit *e, int32_t tid, int32_t *ret, struct error *err)
{
	struct task_record task;
	int r = image_get(e->img, "task", (uint64_t)e->vpid, task_record_fields, e->arena, &task,
			  err);
	if (r < 0)
		return r;
	const struct thread_ref *v = task.threads.v;
	for (size_t i = 0; i < task.threads.n; i++)
		if (v[i].tid == tid) {
			*ret = v[i].tids.n ? (int32_t)v[i].tids.v[v[i].tids.n - 1] : tid;
			return 0;
		}
	return error_set(err, EBADMSG, "a timer of process %d is for thread %d, which it has not",
			 (int)e->vpid, (int)tid);
}

/* The kernel's struct sigevent: 64 bytes. */
struct event {
	uint64_t value;
	int32_t signal, notify, thread, pad[11];
};

static void create(struct emit *e, int32_t clock, const struct event *event, uint64_t id_addr)
{
	program_call(e->p, SYS_timer_create, (uint64_t)(int64_t)clock,
		     program_data(e->p, event, sizeof(*event)), id_addr);
}

/* Uses up ids until `wanted` is the next. The kernel counts them up from 0 in a new process. */
static void skip_ids(struct emit *e, int32_t next, int32_t wanted)
{
	struct event none = { .notify = SIGEV_NONE };
	uint64_t event = program_data(e->p, &none, sizeof(none));
	uint64_t id = program_data(e->p, NULL, sizeof(uint64_t));
	program_what(e->p, "reach the id of a timer");
	for (; next < wanted; next++) {
		program_call(e->p, SYS_timer_create, 1 /* CLOCK_MONOTONIC */, event, id);
		struct step *s = program_call(e->p, SYS_timer_delete, id);
		s->refs = 1;
	}
}

static int timer_emit(struct emit *e, const struct timer_record *t, struct error *err)
{
	struct event event = { .value = t->value, .signal = t->signal, .notify = t->notify };
	struct time_spec times[2] = { time_of(t->interval), time_of(t->left) };
	int32_t id[2] = { t->id };
	if (t->notify & SIGEV_THREAD_ID) {
		/* that of a thread that has ended can be made for nobody but another: silent, then */
		if (!t->thread)
			event.notify = SIGEV_NONE;
		else if (thread_number(e, t->thread, &event.thread, err) < 0)
			return -EBADMSG;
	}
	program_what(e->p, "create a timer");
	create(e, t->clock, &event, program_data(e->p, id, sizeof(id)));
	program_what(e->p, "set a timer of the id that it had");
	program_call(e->p, SYS_timer_settime, (uint64_t)t->id, 0,
		     program_data(e->p, times, sizeof(times)), 0);
	return 0;
}

static int timers_emit(struct emit *e, const void *record, struct error *err)
{
	const struct timers_record *rec = record;
	const struct timer_record *v = rec->timers.v;
	bool by_id = prctl(PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS_GET, 0, 0, 0) >= 0;
	int32_t next = 0;
	if (by_id) {
		program_what(e->p, "choose the ids of timers");
		program_call(e->p, SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS_ON);
	}
	for (size_t i = 0; i < rec->timers.n; i++) {
		if (v[i].id < next)
			return error_set(err, EBADMSG, "timers are not in the order of their ids");
		if (!by_id && v[i].id - next > MAX_LOOP) {
			error_set(err, ENOTSUP, "a timer has the id %d", (int)v[i].id);
			return error_hint(err, "this kernel counts ids: use Linux 6.15 or newer");
		}
		if (!by_id)
			skip_ids(e, next, v[i].id);
		int r = timer_emit(e, &v[i], err);
		if (r < 0)
			return r;
		next = v[i].id == INT32_MAX ? INT32_MAX : v[i].id + 1;
	}
	program_what(e->p, "choose the ids of timers");
	if (by_id)
		program_call(e->p, SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS_OFF);
	return 0;
}

const struct task_kind task_kind_timers = {
	.name = "timers",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_TIMERS,
	.fields = timers_fields,
	.size = sizeof(struct timers_record),
	.cookie = sizeof(struct cookie),
	.ask = timers_ask,
	.collect = timers_collect,
	.emit = timers_emit,
};
