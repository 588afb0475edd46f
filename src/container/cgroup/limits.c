/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.c - see limits.h. The names are those of the OCI runtime specification, config-linux.md,
 * "Control groups"; the files those of the kernel's admin-guide cgroup-v1/ and cgroup-v2.rst.
 */
#include "container/cgroup/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"
#include "container/cgroup/convert.h"

enum kind { K_U64, K_I64, K_BOOL, K_TEXT };

enum {
	ZERO_UNSET = 1,	  /* engines write 0 for "not given" */
	NO_V2 = 2,	  /* v2 has nothing like it: an error there */
	IGNORED_V2 = 4,	  /* v2 has it always, or counts it elsewhere: nothing to do there */
	ELSEWHERE_V2 = 8, /* v2 needs another field too: plan_swap(), plan_cpu_max() */
	OPTIONAL = 16,	  /* deprecated by the specification: fine when the kernel dropped it */
};

#define OOM_CONTROL "memory.oom_control" /* "oom_kill_disable 0", written as "0" */

struct limit {
	const char *name;
	size_t offset;
	enum kind kind;
	enum controller ctl;
	unsigned flags;
	const char *v1_file;
	convert_fn *v1_convert; /* NULL: text */
	const char *v2_file;
	convert_fn *v2_convert;
	const char *hint;
};

#define FIELD(f)  offsetof(struct spec_resources, f)
#define SWAP_HINT "it is memory and swap together: give memory.limit too, and not less than that"
#define QUOTA_HINT                                                                                 \
	"quota: 1000 us or more, at most what the group above has; period: 1000 to 1000000 us"
#define CPUS_HINT  "give CPUs or memory nodes that exist here, as in \"0-3,8\""
#define RT_HINT	   "runtime must be less than the period, and the groups above must have it to give"
#define DEPRECATED (ZERO_UNSET | IGNORED_V2 | OPTIONAL)

/* clang-format off */
static const struct limit limits[] = {
	{ "memory.limit", FIELD(memory.limit), K_I64, CTL_MEMORY, ZERO_UNSET,
	  "memory.limit_in_bytes", convert_bytes_v1, "memory.max", convert_or_max,
	  "the container holds more than that now, or swap is less than the limit" },
	{ "memory.reservation", FIELD(memory.reservation), K_I64, CTL_MEMORY, ZERO_UNSET,
	  "memory.soft_limit_in_bytes", convert_bytes_v1, "memory.low", convert_or_max, NULL },
	{ "memory.swap", FIELD(memory.swap), K_I64, CTL_MEMORY, ZERO_UNSET | ELSEWHERE_V2,
	  "memory.memsw.limit_in_bytes", convert_bytes_v1, NULL, NULL, SWAP_HINT },
	{ "memory.kernel", FIELD(memory.kernel), K_I64, CTL_MEMORY, DEPRECATED,
	  "memory.kmem.limit_in_bytes", convert_bytes_v1, NULL, NULL, NULL },
	{ "memory.kernelTCP", FIELD(memory.kernel_tcp), K_I64, CTL_MEMORY, DEPRECATED,
	  "memory.kmem.tcp.limit_in_bytes", convert_bytes_v1, NULL, NULL, NULL },
	{ "memory.swappiness", FIELD(memory.swappiness), K_U64, CTL_MEMORY, NO_V2,
	  "memory.swappiness", convert_plain, NULL, NULL, "0 to 100" },
	{ "memory.disableOOMKiller", FIELD(memory.disable_oom_killer), K_BOOL, CTL_MEMORY, NO_V2,
	  OOM_CONTROL, convert_plain, NULL, NULL, NULL },
	{ "memory.useHierarchy", FIELD(memory.use_hierarchy), K_BOOL, CTL_MEMORY, DEPRECATED,
	  "memory.use_hierarchy", convert_plain, NULL, NULL, NULL },
	{ "cpu.shares", FIELD(cpu.shares), K_U64, CTL_CPU, ZERO_UNSET,
	  "cpu.shares", convert_plain, "cpu.weight", convert_cpu_weight, NULL },
	{ "cpu.quota", FIELD(cpu.quota), K_I64, CTL_CPU, ZERO_UNSET | ELSEWHERE_V2,
	  "cpu.cfs_quota_us", convert_signed, NULL, NULL, QUOTA_HINT },
	{ "cpu.period", FIELD(cpu.period), K_U64, CTL_CPU, ZERO_UNSET | ELSEWHERE_V2,
	  "cpu.cfs_period_us", convert_plain, NULL, NULL, QUOTA_HINT },
	{ "cpu.burst", FIELD(cpu.burst), K_U64, CTL_CPU, 0,
	  "cpu.cfs_burst_us", convert_plain, "cpu.max.burst", convert_plain, "at most the quota" },
	{ "cpu.realtimePeriod", FIELD(cpu.realtime_period), K_U64, CTL_CPU, ZERO_UNSET | NO_V2,
	  "cpu.rt_period_us", convert_plain, NULL, NULL, RT_HINT },
	{ "cpu.realtimeRuntime", FIELD(cpu.realtime_runtime), K_I64, CTL_CPU, ZERO_UNSET | NO_V2,
	  "cpu.rt_runtime_us", convert_signed, NULL, NULL, RT_HINT },
	{ "cpu.idle", FIELD(cpu.idle), K_I64, CTL_CPU, 0,
	  "cpu.idle", convert_signed, "cpu.idle", convert_signed, "0 or 1" },
	{ "cpu.cpus", FIELD(cpu.cpus), K_TEXT, CTL_CPUSET, 0,
	  "cpuset.cpus", NULL, "cpuset.cpus", NULL, CPUS_HINT },
	{ "cpu.mems", FIELD(cpu.mems), K_TEXT, CTL_CPUSET, 0,
	  "cpuset.mems", NULL, "cpuset.mems", NULL, CPUS_HINT },
	{ "pids.limit", FIELD(pids_limit), K_I64, CTL_PIDS, 0,
	  "pids.max", convert_pids, "pids.max", convert_pids, NULL },
	{ "blockIO.leafWeight", FIELD(block_io.leaf_weight), K_U64, CTL_IO, ZERO_UNSET | NO_V2,
	  "blkio.leaf_weight", convert_blkio_weight, NULL, NULL, "10 to 1000" },
	{ "network.classID", FIELD(network.class_id), K_U64, CTL_NET_CLS, ZERO_UNSET | NO_V2,
	  "net_cls.classid", convert_plain, NULL, NULL, "0 to 4294967295" },
};
/* clang-format on */

/* ---- where ---- */

struct limits_place limits_place_here(bool creating, int v2_fd)
{
	return (struct limits_place){ .layout = layout_get(),
				      .creating = creating,
				      .v2_fd = v2_fd };
}

static bool in_v1(const struct limits_place *place, enum controller ctl)
{
	return place->layout ? layout_v1(place->layout, ctl) != NULL
			     : ctl != CTL_NONE && (place->v1 & CTL_BIT(ctl));
}

static bool in_v2(const struct limits_place *place, enum controller ctl)
{
	const struct hierarchy *h = place->layout ? layout_v2(place->layout) : NULL;
	unsigned mask = h ? hierarchy_v2_controllers(h) : place->v2;
	return ctl != CTL_NONE && (mask & CTL_BIT(ctl));
}

static enum cgroup_layout kind_of(const struct limits_place *place)
{
	return place->layout ? layout_kind(place->layout) : place->kind;
}

/* ---- errors ---- */

int limits_bad_value(const char *limit, const char *given, const char *hint, int errnum,
		     struct error *err)
{
	error_set(err, errnum, "%s %s is no value for that limit", limit, given);
	error_object(err, "%s", limit);
	return hint ? error_hint(err, "%s", hint) : -errnum;
}

static int absent(const char *limit, enum controller ctl, enum cgroup_layout kind,
		  struct error *err)
{
	const char *name = controller_name(ctl, kind == CGROUP_V2);
	if (!name)
		name = controller_name(ctl, kind != CGROUP_V2);
	if (!name)
		name = "cgroup2";
	error_set(err, EOPNOTSUPP, "%s was asked for, but the controller %s is not available here",
		  limit, name);
	error_object(err, "%s", limit);
	if (kind == CGROUP_NONE)
		return error_hint(err,
				  "no control group may be written here: run as root, or have "
				  "one delegated (systemd-run --user --scope -p Delegate=yes)");
	if (kind == CGROUP_V2)
		return error_hint(err, "it must be in cgroup.controllers: delegated (systemd: "
				       "Delegate=yes), built into the kernel and not switched off "
				       "by cgroup_disable=");
	return error_hint(err,
			  "mount it (mount -t cgroup -o %s cgroup /sys/fs/cgroup/%s), or leave "
			  "the limit out",
			  name, name);
}

int limits_where(const struct limits_place *place, const char *limit, enum controller ctl,
		 struct error *err)
{
	if (in_v1(place, ctl))
		return 0;
	if (in_v2(place, ctl))
		return 1;
	enum cgroup_layout kind = kind_of(place);
	if (ctl == CTL_NONE && (kind == CGROUP_HYBRID || kind == CGROUP_V2))
		return 1;
	return absent(limit, ctl, kind, err);
}

static int not_in_v2(const char *limit, struct error *err)
{
	error_set(err, EOPNOTSUPP, "control groups v2 have no such limit");
	error_object(err, "%s", limit);
	return error_hint(err, "leave it out");
}

/* ---- the table ---- */

/* Whether the field is given, as a number and as the user's text. */
static bool read_field(const struct limit *l, const struct spec_resources *res, int64_t *ret_n,
		       char *ret_text)
{
	const void *p = (const char *)res + l->offset;
	bool set;
	switch (l->kind) {
	case K_TEXT:
		return *(char *const *)p && **(char *const *)p;
	case K_BOOL:
		set = ((const struct opt_bool *)p)->set;
		*ret_n = ((const struct opt_bool *)p)->v;
		break;
	case K_I64:
		set = ((const struct opt_i64 *)p)->set;
		*ret_n = ((const struct opt_i64 *)p)->v;
		break;
	case K_U64:
	default:
		set = ((const struct opt_u64 *)p)->set;
		*ret_n = (int64_t)MIN(((const struct opt_u64 *)p)->v, (uint64_t)INT64_MAX);
		break;
	}
	(void)snprintf(ret_text, CONVERT_SIZE, "%" PRId64, *ret_n);
	return set && !(*ret_n == 0 && (l->flags & ZERO_UNSET));
}

static int add_number(const struct limit *l, bool v2, int64_t n, const char *given,
		      struct settings *out, struct error *err)
{
	char value[CONVERT_SIZE];
	int r = (v2 ? l->v2_convert : l->v1_convert)(n, value);
	if (r < 0)
		return limits_bad_value(l->name, given, l->hint, -r, err);
	struct setting *s = settings_add(out);
	*s = (struct setting){ .limit = l->name,
			       .given = arena_strdup(&out->arena, given),
			       .hint = l->hint,
			       .ctl = l->ctl,
			       .v2 = v2,
			       .optional = (l->flags & OPTIONAL) || n == -1,
			       .file = v2 ? l->v2_file : l->v1_file,
			       .value = arena_strdup(&out->arena, value) };
	if (!strcmp(s->file, OOM_CONTROL)) {
		s->key = "oom_kill_disable";
		s->bare = true;
	}
	return 0;
}

static int add_text(const struct limit *l, bool v2, const char *text, struct settings *out,
		    struct error *err)
{
	if (!parse_is_cpulist(text))
		return limits_bad_value(l->name, text, l->hint, EINVAL, err);
	struct setting *s = settings_add(out);
	*s = (struct setting){ .limit = l->name,
			       .given = arena_strdup(&out->arena, text),
			       .hint = l->hint,
			       .ctl = l->ctl,
			       .v2 = v2,
			       .file = v2 ? l->v2_file : l->v1_file,
			       .value = arena_strdup(&out->arena, text) };
	return 0;
}

/* "No limit" needs no file where there cannot be a limit, or is none yet. */
static bool can_be_limited(const struct limits_place *place, enum controller ctl)
{
	return !place->creating && (in_v1(place, ctl) || in_v2(place, ctl));
}

static int plan_limit(const struct limit *l, const struct spec_resources *res,
		      const struct limits_place *place, struct settings *out, struct error *err)
{
	int64_t n = 0;
	char given[CONVERT_SIZE] = "";
	if (!read_field(l, res, &n, given))
		return 0;
	if (l->kind == K_I64 && n == -1 && !can_be_limited(place, l->ctl))
		return 0;
	if (l->kind == K_BOOL && n == 0 && (l->flags & NO_V2) && !in_v1(place, l->ctl))
		return 0; /* false: what v2 does anyway */
	int v2 = limits_where(place, l->name, l->ctl, err);
	if (v2 < 0)
		return v2;
	if (v2 && (l->flags & NO_V2))
		return not_in_v2(l->name, err);
	if (v2 && (l->flags & (IGNORED_V2 | ELSEWHERE_V2)))
		return 0;
	if (l->kind == K_TEXT)
		return add_text(l, v2, *(char *const *)((const char *)res + l->offset), out, err);
	return add_number(l, v2, n, given, out, err);
}

/* ---- limits of v2 that two fields make together ---- */

static struct setting *add_v2(struct settings *out, const char *limit, enum controller ctl,
			      const char *file, const char *value, const char *given,
			      const char *hint)
{
	struct setting *s = settings_add(out);
	*s = (struct setting){ .limit = limit,
			       .given = arena_strdup(&out->arena, given),
			       .hint = hint,
			       .ctl = ctl,
			       .v2 = true,
			       .file = file,
			       .value = arena_strdup(&out->arena, value) };
	return s;
}

/* memory.swap.max is swap alone: total less the limit, that given or that in force. */
static int plan_swap(const struct spec_resources *res, const struct limits_place *place,
		     struct settings *out, struct error *err)
{
	const struct spec_memory *m = &res->memory;
	if (!m->swap.set || m->swap.v == 0 || (m->swap.v == -1 && place->creating) ||
	    in_v1(place, CTL_MEMORY) || !in_v2(place, CTL_MEMORY))
		return 0;
	int64_t limit = m->limit.set && m->limit.v != 0 ? m->limit.v : -1;
	char text[CONVERT_SIZE], given[CONVERT_SIZE];
	uint64_t now;
	if (limit == -1 && !m->limit.set && place->v2_fd >= 0 &&
	    file_read_line(place->v2_fd, "memory.max", text, sizeof(text)) > 0 &&
	    parse_u64(text, 0, INT64_MAX, &now) == 0)
		limit = (int64_t)now;
	(void)snprintf(given, sizeof(given), "%" PRId64, m->swap.v);
	int r = convert_swap(m->swap.v, limit, text);
	if (r < 0)
		return limits_bad_value("memory.swap", given, SWAP_HINT, -r, err);
	add_v2(out, "memory.swap", CTL_MEMORY, "memory.swap.max", text, given, SWAP_HINT)
		->optional = m->swap.v == -1;
	return 0;
}

/* cpu.max is "QUOTA PERIOD"; QUOTA alone keeps the period, the period alone cannot be written. */
static int plan_cpu_max(const struct spec_resources *res, const struct limits_place *place,
			struct settings *out, struct error *err)
{
	const struct spec_cpu *c = &res->cpu;
	bool quota = c->quota.set && c->quota.v != 0, period = c->period.set && c->period.v != 0;
	if ((!quota && !period) || in_v1(place, CTL_CPU) || !in_v2(place, CTL_CPU))
		return 0;
	char value[2 * CONVERT_SIZE] = "max", given[2 * CONVERT_SIZE] = "";
	size_t n = 0;
	if (quota) {
		(void)snprintf(given, sizeof(given), "%" PRId64 " ", c->quota.v);
		if (c->quota.v > 0)
			(void)snprintf(value, sizeof(value), "%" PRId64, c->quota.v);
		else if (c->quota.v != -1)
			return limits_bad_value("cpu.quota", given, QUOTA_HINT, EINVAL, err);
	} else if (place->v2_fd >= 0 &&
		   file_read_line(place->v2_fd, "cpu.max", value, sizeof(value)) > 0) {
		value[strcspn(value, " ")] = '\0';
	}
	if (period) {
		n = strlen(value);
		(void)snprintf(value + n, sizeof(value) - n, " %" PRIu64, c->period.v);
		n = strlen(given);
		(void)snprintf(given + n, sizeof(given) - n, "period %" PRIu64, c->period.v);
	}
	add_v2(out, quota ? "cpu.quota" : "cpu.period", CTL_CPU, "cpu.max", value, given,
	       QUOTA_HINT);
	return 0;
}

int limits_plan(const struct spec_resources *res, const struct limits_place *place,
		struct settings *out, struct error *err)
{
	int r = plan_cpu_max(res, place, out, err); /* before what is measured by it (cpu.burst) */
	if (r == 0)
		r = plan_swap(res, place, out, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(limits); i++)
		r = plan_limit(&limits[i], res, place, out, err);
	return r < 0 ? r : limits_plan_lists(res, place, out, err);
}
