/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - what containers are: list, info, inspect, stats. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/timestamp.h"
#include "container/cgroup/cgroup.h"
#include "engine/events.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "engine/container.h"
#include "engine/restart.h"
#include "spec/schema.h"

static char *join_words(const struct strings *words)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < words->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", words->v[i]);
	return buf_take(&b);
}

/* `always` says so; `unless-stopped` only for what nobody has stopped. One that waits for its next start has
 * somebody who looks after it. */
static bool wanted_at_boot(const struct container *c, const struct spec *spec)
{
	struct restart restart;
	restart_init(&restart, spec);
	if (c->now != CONTEXE_EXITED || c->supervised || !c->state.started)
		return false;
	return restart.policy == RESTART_ALWAYS ||
	       (restart.policy == RESTART_UNLESS_STOPPED && !c->state.stopped);
}

static void fill_info(struct container *c, struct contexe_info *info)
{
	struct spec CLEANUP_SPEC spec = { 0 };
	*info = (struct contexe_info){
		.number = c->number,
		.name = xstrdup(c->name),
		.id = xstrdup(c->has_state ? c->state.id : ""),
		.state = c->now,
		.init = c->init.pid,
		.supervisor = c->supervisor.pid,
		.supervised = c->supervised,
		.exit_status = -1,
	};
	if (c->has_state) {
		info->led = c->state.led;
		info->leader = c->state.led ? c->job.pid : 0;
		info->created = c->state.created;
		info->started = c->state.started;
		info->finished = c->state.finished;
		info->restarts = (unsigned)c->state.restarts;
		if (c->now == CONTEXE_EXITED && c->state.wait_status.set)
			info->exit_status = status_to_exit(c->state.wait_status.v);
	}
	info->reason = xstrdup(c->has_state && c->state.reason ? c->state.reason : "");
	if (container_spec(c, &spec, NULL) == 0) {
		info->at_boot = wanted_at_boot(c, &spec);
		info->command = join_words(&spec.process.args);
		info->image = xstrdup(spec.contexe.image		    ? spec.contexe.image
				      : str_eq(spec.contexe.rootfs, "host") ? "host"
				      : spec.root_path			    ? spec.root_path
									    : "");
	} else {
		info->command = xstrdup("");
		info->image = xstrdup("");
	}
}

struct list {
	struct contexe_info *v;
	size_t n;
};

static int add_info(void *arg, struct container *c)
{
	struct list *l = arg;
	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	fill_info(c, &l->v[l->n++]);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct contexe_info *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

int contexe_list(struct contexe *cx, struct contexe_info **ret, size_t *ret_n,
		 struct contexe_error *err)
{
	struct list l = { 0 };
	int r = container_each(cx->root, add_info, &l);
	if (r < 0) {
		contexe_info_free(l.v, l.n);
		return error_sys(api_error(err), -r, "cannot read the list of containers");
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), by_number);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

void contexe_info_done(struct contexe_info *info)
{
	free(info->name);
	free(info->id);
	free(info->image);
	free(info->command);
	free(info->reason);
}

void contexe_info_free(struct contexe_info *infos, size_t n)
{
	for (size_t i = 0; i < n; i++)
		contexe_info_done(&infos[i]);
	free(infos);
}

int contexe_info(struct contexe *cx, const char *ref, struct contexe_info *ret,
		 struct contexe_error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, api_error(err));
	if (r == 0)
		fill_info(c, ret);
	return r;
}

/* What inspect tells beside the configuration. */
struct inspection {
	char *name, *id, *state, *image, *command, *reason, *directory, *cgroup;
	uint64_t number, restarts;
	char *created, *started, *finished;
	int64_t init_pid, job_pid, supervisor_pid;
	struct opt_i64 exit_code;
	bool supervised, stopped, views;
};
static const struct schema_field inspection_fields[] = {
	SCHEMA_FIELD(STRING, struct inspection, name, "name"),
	SCHEMA_FIELD(U64, struct inspection, number, "number", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(STRING, struct inspection, id, "id"),
	SCHEMA_FIELD(STRING, struct inspection, state, "state"),
	SCHEMA_FIELD(STRING, struct inspection, image, "image"),
	SCHEMA_FIELD(STRING, struct inspection, command, "command"),
	SCHEMA_FIELD(STRING, struct inspection, created, "created"),
	SCHEMA_FIELD(STRING, struct inspection, started, "started"),
	SCHEMA_FIELD(STRING, struct inspection, finished, "finished"),
	SCHEMA_FIELD(I64, struct inspection, init_pid, "initPid", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(I64, struct inspection, job_pid, "pid", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(I64, struct inspection, supervisor_pid, "supervisorPid",
		     .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(BOOL, struct inspection, supervised, "supervised", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(BOOL, struct inspection, views, "procView", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(OPT_I64, struct inspection, exit_code, "exitCode"),
	SCHEMA_FIELD(STRING, struct inspection, reason, "reason"),
	SCHEMA_FIELD(BOOL, struct inspection, stopped, "stoppedByUser"),
	SCHEMA_FIELD(U64, struct inspection, restarts, "restarts", .flags = SCHEMA_ALWAYS),
	SCHEMA_FIELD(STRING, struct inspection, directory, "directory"),
	SCHEMA_FIELD(STRING, struct inspection, cgroup, "cgroup"),
};
static const struct schema inspection_schema = SCHEMA(struct inspection, inspection_fields);

static char *stamp(struct arena *a, uint64_t ns)
{
	char text[TIMESTAMP_SIZE];
	return ns ? arena_strdup(a, timestamp_format(ns, text)) : NULL;
}

int contexe_inspect(struct contexe *cx, const char *ref, char **ret_json, struct contexe_error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	struct arena CLEANUP_ARENA arena = { 0 };
	struct contexe_info info;
	int r = container_open(cx->root, ref, &c, api_error(err));
	if (r < 0)
		return r;
	fill_info(c, &info);
	struct inspection i = {
		.name = info.name,
		.number = info.number,
		.id = c->has_state ? c->state.id : NULL,
		.state = arena_strdup(&arena, contexe_state_name(info.state)),
		.image = info.image,
		.command = info.command,
		.reason = info.reason,
		.directory = arena_printf(&arena, "%s/containers/%s", cx->root->path, c->name),
		.cgroup = c->has_state && pidref_is_set(&c->init) ? c->state.cgroup : NULL,
		.restarts = info.restarts,
		.created = stamp(&arena, info.created),
		.started = stamp(&arena, info.started),
		.finished = stamp(&arena, info.finished),
		.init_pid = info.init,
		.job_pid = c->job.pid,
		.supervisor_pid = info.supervisor,
		.supervised = info.supervised,
		.views = c->has_state && c->state.views && pidref_is_set(&c->init),
		.stopped = c->has_state && c->state.stopped,
		.exit_code = { info.exit_status >= 0, info.exit_status },
	};
	struct buf out = BUF_INIT;
	schema_print(&inspection_schema, &i, &out);
	CLEANUP_BUF struct buf config = BUF_INIT;
	struct spec CLEANUP_SPEC spec = { 0 };
	if (container_spec(c, &spec, NULL) == 0) {
		spec_print(&spec, &config);
		out.data[--out.len] = '\0'; /* the closing brace */
		buf_printf(&out, ",\"config\":%s}", buf_str(&config));
	}
	contexe_info_done(&info);
	*ret_json = buf_take(&out);
	return 0;
}

int contexe_stats(struct contexe *cx, const char *ref, struct contexe_stats *ret,
		  struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	struct cgroup *cg;
	struct cgroup_stats s;
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_STATS, c->name, err);
	if (r == 0)
		r = container_cgroup(c, &cg, err);
	if (r < 0)
		return r;
	r = cgroup_stats(cg, &s, err);
	cgroup_free(cg);
	if (r < 0)
		return r;
	*ret = (struct contexe_stats){
		.time = timestamp_now_monotonic(),
		.cpu_ns = s.cpu_usage_ns,
		.cpu_user_ns = s.cpu_user_ns,
		.cpu_system_ns = s.cpu_system_ns,
		.cpu_throttled_ns = s.cpu_throttled_ns,
		.memory = s.memory_usage,
		.memory_limit = s.memory_limit,
		.memory_peak = s.memory_peak,
		.swap = s.memory_swap,
		.pids = s.pids,
		.pids_limit = s.pids_limit,
		.read_bytes = s.io_read_bytes,
		.written_bytes = s.io_write_bytes,
		.oom_kills = s.oom_kills,
		.from_processes = s.from_processes,
	};
	return 0;
}
