/* SPDX-License-Identifier: Apache-2.0 */
/* table_process.c - the object "process" (config.md, "Process"). */
#include "spec/spec.h"
#include "spec/tables.h"

#define NO_ID UINT32_MAX /* (uid_t)-1 means "unchanged" to the kernel */

static const struct schema_field console_size_fields[] = {
	SCHEMA_FIELD(U64, struct spec_console_size, height, "height", .max = UINT16_MAX),
	SCHEMA_FIELD(U64, struct spec_console_size, width, "width", .max = UINT16_MAX),
};
static const struct schema console_size_schema =
	SCHEMA(struct spec_console_size, console_size_fields);

static const struct schema_field user_fields[] = {
	SCHEMA_FIELD(U32, struct spec_user, uid, "uid", .flags = SCHEMA_ALWAYS, .max = NO_ID - 1),
	SCHEMA_FIELD(U32, struct spec_user, gid, "gid", .flags = SCHEMA_ALWAYS, .max = NO_ID - 1),
	SCHEMA_FIELD(OPT_U64, struct spec_user, umask, "umask", .max = 0777,
		     .hint = "JSON numbers are decimal: 18 is the umask 0022"),
	SCHEMA_FIELD_U32S(struct spec_user, additional_gids, n_additional_gids, "additionalGids",
			  .max = NO_ID - 1),
	SCHEMA_FIELD(STRING, struct spec_user, username, "username"),
};
static const struct schema user_schema = SCHEMA(struct spec_user, user_fields);

static const struct schema_field caps_fields[] = {
	SCHEMA_FIELD(STRINGS, struct spec_caps, bounding, "bounding"),
	SCHEMA_FIELD(STRINGS, struct spec_caps, effective, "effective"),
	SCHEMA_FIELD(STRINGS, struct spec_caps, inheritable, "inheritable"),
	SCHEMA_FIELD(STRINGS, struct spec_caps, permitted, "permitted"),
	SCHEMA_FIELD(STRINGS, struct spec_caps, ambient, "ambient"),
};
static const struct schema caps_schema = SCHEMA(struct spec_caps, caps_fields);

/* getrlimit(2) */
static const char *const rlimit_types[] = {
	"RLIMIT_AS",
	"RLIMIT_CORE",
	"RLIMIT_CPU",
	"RLIMIT_DATA",
	"RLIMIT_FSIZE",
	"RLIMIT_LOCKS",
	"RLIMIT_MEMLOCK",
	"RLIMIT_MSGQUEUE",
	"RLIMIT_NICE",
	"RLIMIT_NOFILE",
	"RLIMIT_NPROC",
	"RLIMIT_RSS",
	"RLIMIT_RTPRIO",
	"RLIMIT_RTTIME",
	"RLIMIT_SIGPENDING",
	"RLIMIT_STACK",
	NULL,
};
static const struct schema_field rlimit_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_rlimit, type, "type", .flags = SCHEMA_REQUIRED,
		     .choices = rlimit_types),
	SCHEMA_FIELD(U64, struct spec_rlimit, soft, "soft", .flags = SCHEMA_REQUIRED,
		     .hint = "18446744073709551615 is unlimited"),
	SCHEMA_FIELD(U64, struct spec_rlimit, hard, "hard", .flags = SCHEMA_REQUIRED,
		     .hint = "18446744073709551615 is unlimited"),
};
static const struct schema rlimit_schema = SCHEMA(struct spec_rlimit, rlimit_fields);

/* sched_setattr(2) */
static const char *const scheduler_policies[] = {
	"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",       "SCHED_BATCH",
	"SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE", NULL,
};
static const char *const scheduler_flags[] = {
	"SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",
	"SCHED_FLAG_DL_OVERRUN",     "SCHED_FLAG_KEEP_POLICY",
	"SCHED_FLAG_KEEP_PARAMS",    "SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX", NULL,
};
static const struct schema_field scheduler_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_scheduler, policy, "policy", .flags = SCHEMA_REQUIRED,
		     .choices = scheduler_policies),
	SCHEMA_FIELD(I64, struct spec_scheduler, nice, "nice", .min = -20, .max = 19),
	SCHEMA_FIELD(I64, struct spec_scheduler, priority, "priority", .max = 99),
	SCHEMA_FIELD(STRINGS, struct spec_scheduler, flags, "flags", .choices = scheduler_flags),
	SCHEMA_FIELD(U64, struct spec_scheduler, runtime, "runtime"),
	SCHEMA_FIELD(U64, struct spec_scheduler, deadline, "deadline"),
	SCHEMA_FIELD(U64, struct spec_scheduler, period, "period"),
};
static const struct schema scheduler_schema = SCHEMA(struct spec_scheduler, scheduler_fields);

static const char *const io_priority_classes[] = {
	"IOPRIO_CLASS_RT",
	"IOPRIO_CLASS_BE",
	"IOPRIO_CLASS_IDLE",
	NULL,
};
static const struct schema_field io_priority_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_io_priority, cls, "class", .flags = SCHEMA_REQUIRED,
		     .choices = io_priority_classes),
	SCHEMA_FIELD(I64, struct spec_io_priority, priority, "priority", .flags = SCHEMA_ALWAYS,
		     .max = 7),
};
static const struct schema io_priority_schema = SCHEMA(struct spec_io_priority, io_priority_fields);

static const struct schema_field cpu_affinity_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_cpu_affinity, initial, "initial"),
	SCHEMA_FIELD(STRING, struct spec_cpu_affinity, final, "final"),
};
static const struct schema cpu_affinity_schema =
	SCHEMA(struct spec_cpu_affinity, cpu_affinity_fields);

static const struct schema_field process_fields[] = {
	SCHEMA_FIELD(BOOL, struct spec_process, terminal, "terminal"),
	SCHEMA_FIELD_OBJECT(struct spec_process, console_size, "consoleSize", &console_size_schema),
	SCHEMA_FIELD_OBJECT(struct spec_process, user, "user", &user_schema),
	SCHEMA_FIELD(STRINGS, struct spec_process, args, "args"),
	SCHEMA_FIELD(STRINGS, struct spec_process, env, "env"),
	SCHEMA_FIELD(STRING, struct spec_process, cwd, "cwd"),
	SCHEMA_FIELD_OBJECT_HAS(struct spec_process, caps, has_caps, "capabilities", &caps_schema),
	SCHEMA_FIELD_OBJECTS(struct spec_process, rlimits, n_rlimits, "rlimits", &rlimit_schema),
	SCHEMA_FIELD(BOOL, struct spec_process, no_new_privs, "noNewPrivileges"),
	SCHEMA_FIELD(STRING, struct spec_process, apparmor_profile, "apparmorProfile"),
	SCHEMA_FIELD(STRING, struct spec_process, selinux_label, "selinuxLabel"),
	SCHEMA_FIELD(OPT_I64, struct spec_process, oom_score_adj, "oomScoreAdj", .min = -1000,
		     .max = 1000),
	SCHEMA_FIELD_OBJECT_HAS(struct spec_process, scheduler, has_scheduler, "scheduler",
				&scheduler_schema),
	SCHEMA_FIELD_OBJECT_HAS(struct spec_process, io_priority, has_io_priority, "ioPriority",
				&io_priority_schema),
	SCHEMA_FIELD_OBJECT_HAS(struct spec_process, cpu_affinity, has_cpu_affinity,
				"execCPUAffinity", &cpu_affinity_schema),
};
const struct schema process_schema = SCHEMA(struct spec_process, process_fields);
