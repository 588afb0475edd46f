/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_record.c - what a supervisor writes down: state.json and the journal. */
#include <stdio.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/timestamp.h"
#include "container/cgroup/cgroup.h"
#include "engine/events.h"
#include "engine/supervisor.h"
#include "engine/supervisor_parts.h"

static void describe_processes(struct supervisor *sv, struct state *s)
{
	struct live *l = &sv->live;
	s->init_pid = l->init.pid;
	s->init_start = l->init.start;
	s->job_pid = l->job.pid;
	s->job_start = l->job.start;
	s->supervisor_pid = getpid();
	s->supervisor_start = pid_start_time(getpid(), NULL);
	s->views = l->views.fuse >= 0;
	s->boot = arena_strdup(&s->arena, boot_id());
}

int record_started(struct supervisor *sv, const char *status, struct error *err)
{
	struct state *s = &sv->c->state;
	describe_processes(sv, s);
	s->status = arena_strdup(&s->arena, status);
	s->reason = NULL;
	s->wait_status.set = false;
	s->finished = 0;
	s->stopped = false;
	if (str_eq(status, "running"))
		s->started = timestamp_now();
	s->led = sv->opt->leader != NULL;
	s->stdio = arena_strdup(&s->arena, sv->live.stdio);
	CLEANUP_BUF struct buf groups = BUF_INIT;
	s->cgroup = NULL;
	if (sv->live.cg) {
		cgroup_describe(sv->live.cg, &groups);
		s->cgroup = arena_strdup(&s->arena, buf_str(&groups));
	}
	return state_write(sv->c->dir, s, err);
}

void record_event(struct supervisor *sv, const char *type, const char *extra)
{
	event_write(sv->c->root, type, sv->c->name, sv->c->number, sv->c->state.id, extra);
}

int record_adopted(struct supervisor *sv, struct error *err)
{
	struct state *s = &sv->c->state;
	s->supervisor_pid = getpid();
	s->supervisor_start = pid_start_time(getpid(), NULL);
	int r = state_write(sv->c->dir, s, err);
	record_event(sv, "adopt", NULL);
	return r;
}

void record_end(struct supervisor *sv, int64_t status, const char *reason)
{
	struct state *s = &sv->c->state;
	char extra[64];
	s->status = "exited";
	s->wait_status = (struct opt_i64){ true, status };
	s->reason = reason ? arena_strdup(&s->arena, reason) : NULL;
	s->finished = timestamp_now();
	s->init_pid = s->job_pid = 0;
	s->cgroup = NULL;
	s->stopped = sv->stopped;
	if (!sv->remove && state_write(sv->c->dir, s, NULL) < 0)
		record_event(sv, "state-lost", NULL);
	if (str_eq(reason, "out of memory"))
		record_event(sv, "oom", NULL);
	(void)snprintf(extra, sizeof(extra), "\"exitCode\":%d", status_to_exit(status));
	record_event(sv, "die", extra);
}

void record_failed(struct supervisor *sv, const struct error *err)
{
	struct error unknown = { .exit_code = 126 };
	char line[512];
	err = err ? err : &unknown;
	(void)error_line(err, line, sizeof(line));
	record_end(sv, (err->exit_code ? err->exit_code : 125) << 8, line);
}
