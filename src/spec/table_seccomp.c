/* SPDX-License-Identifier: Apache-2.0 */
/* table_seccomp.c - the object "linux.seccomp" (config-linux.md, "Seccomp"). */
#include "spec/spec.h"
#include "spec/tables.h"

#define ERRNO_MAX 4095 /* MAX_ERRNO of the kernel; seccomp(2) clamps above */

static const char *const actions[] = {
	"SCMP_ACT_KILL",	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
	"SCMP_ACT_ERRNO",	"SCMP_ACT_TRACE",
	"SCMP_ACT_ALLOW",	"SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",	NULL,
};
static const char *const operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	    "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL,
};
static const char *const filter_flags[] = {
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};

static const struct schema_field arg_fields[] = {
	SCHEMA_FIELD(U64, struct spec_seccomp_arg, index, "index", .flags = SCHEMA_REQUIRED,
		     .max = 5),
	SCHEMA_FIELD(U64, struct spec_seccomp_arg, value, "value", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(U64, struct spec_seccomp_arg, value_two, "valueTwo"),
	SCHEMA_FIELD(STRING, struct spec_seccomp_arg, op, "op", .flags = SCHEMA_REQUIRED,
		     .choices = operators),
};
static const struct schema arg_schema = SCHEMA(struct spec_seccomp_arg, arg_fields);

static const struct schema_field rule_fields[] = {
	SCHEMA_FIELD(STRINGS, struct spec_seccomp_rule, names, "names", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRING, struct spec_seccomp_rule, action, "action", .flags = SCHEMA_REQUIRED,
		     .choices = actions),
	SCHEMA_FIELD(OPT_U64, struct spec_seccomp_rule, errno_ret, "errnoRet", .max = ERRNO_MAX),
	SCHEMA_FIELD_OBJECTS(struct spec_seccomp_rule, args, n_args, "args", &arg_schema),
};
static const struct schema rule_schema = SCHEMA(struct spec_seccomp_rule, rule_fields);

static const struct schema_field seccomp_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_seccomp, default_action, "defaultAction",
		     .flags = SCHEMA_REQUIRED, .choices = actions),
	SCHEMA_FIELD(OPT_U64, struct spec_seccomp, default_errno_ret, "defaultErrnoRet",
		     .max = ERRNO_MAX),
	SCHEMA_FIELD(STRINGS, struct spec_seccomp, architectures, "architectures"),
	SCHEMA_FIELD(STRINGS, struct spec_seccomp, flags, "flags", .choices = filter_flags),
	SCHEMA_FIELD(STRING, struct spec_seccomp, listener_path, "listenerPath"),
	SCHEMA_FIELD(STRING, struct spec_seccomp, listener_metadata, "listenerMetadata"),
	SCHEMA_FIELD_OBJECTS(struct spec_seccomp, syscalls, n_syscalls, "syscalls", &rule_schema),
};
const struct schema seccomp_schema = SCHEMA(struct spec_seccomp, seccomp_fields);
