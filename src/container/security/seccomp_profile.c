/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_profile.c - security_seccomp_load(): a seccomp profile in JSON to linux.seccomp.
 *
 * Two dialects with one grammar. OCI's linux.seccomp is taken as it is; docker's and podman's
 * seccomp.json add "archMap" (the native entry and its sub-architectures are taken), "includes" and
 * "excludes" (a rule that is not for these capabilities, this architecture or this kernel is left
 * out) and "name", "errno", "defaultErrno" as other spellings. A member of a condition that is not
 * known is refused, for leaving it out would apply the rule to more than was meant; other unknown
 * members are ignored.
 */
#include "container/security/parts.h"

#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "container/security/seccomp.h"
#include "spec/schema.h"

/* ---- the JSON as it stands ---- */

struct condition {
	struct strings caps, arches;
	char *min_kernel;
};

struct profile_rule {
	struct strings names;
	char *name, *action, *errno_name;
	struct opt_u64 errno_ret;
	struct spec_seccomp_arg *args;
	size_t n_args;
	struct condition includes, excludes;
};

struct arch_entry {
	char *architecture;
	struct strings subs;
};

struct profile {
	char *default_action, *default_errno;
	struct opt_u64 default_errno_ret;
	struct strings architectures, flags;
	struct arch_entry *arch_map;
	size_t n_arch_map;
	char *listener_path, *listener_metadata;
	struct profile_rule *syscalls;
	size_t n_syscalls;
};

static const struct schema_field condition_fields[] = {
	SCHEMA_FIELD(STRINGS, struct condition, caps, "caps"),
	SCHEMA_FIELD(STRINGS, struct condition, arches, "arches"),
	SCHEMA_FIELD(STRING, struct condition, min_kernel, "minKernel"),
};
static const struct schema condition_schema = SCHEMA_CLOSED(struct condition, condition_fields);

static const struct schema_field arg_fields[] = {
	SCHEMA_FIELD(U64, struct spec_seccomp_arg, index, "index", .max = 5),
	SCHEMA_FIELD(U64, struct spec_seccomp_arg, value, "value"),
	SCHEMA_FIELD(U64, struct spec_seccomp_arg, value_two, "valueTwo"),
	SCHEMA_FIELD(STRING, struct spec_seccomp_arg, op, "op", .flags = SCHEMA_REQUIRED),
};
static const struct schema arg_schema = SCHEMA(struct spec_seccomp_arg, arg_fields);

static const struct schema_field rule_fields[] = {
	SCHEMA_FIELD(STRINGS, struct profile_rule, names, "names"),
	SCHEMA_FIELD(STRING, struct profile_rule, name, "name"),
	SCHEMA_FIELD(STRING, struct profile_rule, action, "action", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(OPT_U64, struct profile_rule, errno_ret, "errnoRet"),
	SCHEMA_FIELD(STRING, struct profile_rule, errno_name, "errno"),
	SCHEMA_FIELD_OBJECTS(struct profile_rule, args, n_args, "args", &arg_schema),
	SCHEMA_FIELD_OBJECT(struct profile_rule, includes, "includes", &condition_schema),
	SCHEMA_FIELD_OBJECT(struct profile_rule, excludes, "excludes", &condition_schema),
};
static const struct schema rule_schema = SCHEMA(struct profile_rule, rule_fields);

static const struct schema_field arch_fields[] = {
	SCHEMA_FIELD(STRING, struct arch_entry, architecture, "architecture",
		     .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRINGS, struct arch_entry, subs, "subArchitectures"),
};
static const struct schema arch_schema = SCHEMA(struct arch_entry, arch_fields);

static const struct schema_field profile_fields[] = {
	SCHEMA_FIELD(STRING, struct profile, default_action, "defaultAction",
		     .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(OPT_U64, struct profile, default_errno_ret, "defaultErrnoRet"),
	SCHEMA_FIELD(STRING, struct profile, default_errno, "defaultErrno"),
	SCHEMA_FIELD(STRINGS, struct profile, architectures, "architectures"),
	SCHEMA_FIELD_OBJECTS(struct profile, arch_map, n_arch_map, "archMap", &arch_schema),
	SCHEMA_FIELD(STRINGS, struct profile, flags, "flags"),
	SCHEMA_FIELD(STRING, struct profile, listener_path, "listenerPath"),
	SCHEMA_FIELD(STRING, struct profile, listener_metadata, "listenerMetadata"),
	SCHEMA_FIELD_OBJECTS(struct profile, syscalls, n_syscalls, "syscalls", &rule_schema),
};
static const struct schema profile_schema = SCHEMA(struct profile, profile_fields);

/* ---- what it means here ---- */

/* What conditions are decided by. */
struct world {
	uint64_t caps;
	unsigned kernel[2]; /* major, minor */
};

/* What includes.arches calls the machine that this is built for. */
static const char *const arch_names[] = {
#if defined(__x86_64__)
	"amd64",
	"x86_64",
#elif defined(__aarch64__)
	"arm64",
	"aarch64",
#elif defined(__riscv)
	"riscv64",
#endif
	NULL,
};

static bool names_this_arch(const struct strings *arches)
{
	for (size_t i = 0; i < arches->n; i++)
		for (size_t j = 0; arch_names[j]; j++)
			if (!strcasecmp(arches->v[i], arch_names[j]))
				return true;
	return false;
}

static bool kernel_at_least(const unsigned is[2], const unsigned want[2])
{
	return is[0] != want[0] ? is[0] > want[0] : is[1] >= want[1];
}

/* A condition with its words understood. */
struct decided {
	uint64_t caps;
	bool any_arch, this_arch, any_kernel, this_kernel;
};

/* `at` is the JSON pointer of the rule, `which` the condition's name in it. */
static int decide(const struct condition *c, const struct world *world, const char *at,
		  const char *which, struct decided *ret, struct error *err)
{
	unsigned want[2] = { 0 };
	char excess, caps_at[64];
	(void)snprintf(caps_at, sizeof(caps_at), "%s/%s/caps", at, which);
	if (caps_mask(&c->caps, caps_at, &ret->caps, err) < 0)
		return -EINVAL;
	if (c->min_kernel && sscanf(c->min_kernel, "%5u.%5u%c", &want[0], &want[1], &excess) != 2) {
		error_set(err, EINVAL, "\"%.20s\" is no kernel version such as 4.8", c->min_kernel);
		return error_object(err, "%s/%s/minKernel", at, which);
	}
	ret->any_arch = !c->arches.n;
	ret->this_arch = names_this_arch(&c->arches);
	ret->any_kernel = !c->min_kernel;
	ret->this_kernel = c->min_kernel && kernel_at_least(world->kernel, want);
	return 0;
}

/* All that includes says must hold, and nothing of what excludes says. */
static int rule_applies(const struct profile_rule *rule, const struct world *world, const char *at,
			bool *ret, struct error *err)
{
	struct decided in, ex;
	int r = decide(&rule->includes, world, at, "includes", &in, err);
	if (r == 0)
		r = decide(&rule->excludes, world, at, "excludes", &ex, err);
	if (r < 0)
		return r;
	*ret = (world->caps & in.caps) == in.caps && (in.any_arch || in.this_arch) &&
	       (in.any_kernel || in.this_kernel) && !(world->caps & ex.caps) && !ex.this_arch &&
	       !ex.this_kernel;
	return 0;
}

/* podman writes an errno as a name beside the number; the number counts. */
static int resolve_errno(const struct opt_u64 *number, const char *name, struct opt_u64 *ret,
			 struct error *err)
{
	*ret = *number;
	if (number->set || !name)
		return 0;
	for (int e = 1; e < 256; e++) {
		const char *known = strerrorname_np(e);
		if (!known || strcmp(known, name) != 0)
			continue;
		*ret = (struct opt_u64){ true, (uint64_t)e };
		return 0;
	}
	return error_set(err, EINVAL, "\"%.40s\" is no errno", name);
}

static int check_rule(const struct profile_rule *from, const struct spec_seccomp_rule *rule,
		      const char *at, struct error *err)
{
	uint32_t number;
	if (from->name && from->names.n) {
		error_set(err, EINVAL, "it has both \"name\" and \"names\": use one of the two");
		return error_object(err, "%s", at);
	}
	if (!rule->names.n) {
		error_set(err, EINVAL, "it names no system call");
		return error_object(err, "%s", at);
	}
	if (seccomp_action(rule->action, &rule->errno_ret, &number, err) < 0)
		return error_object(err, "%s/action", at);
	for (size_t i = 0; i < rule->n_args; i++)
		if (seccomp_operator(rule->args[i].op, err) < 0)
			return error_object(err, "%s/args/%zu/op", at, i);
	return 0;
}

/* Every rule is checked, those that do not apply here too: elsewhere they will. */
static int take_rule(const struct profile *p, size_t index, const struct world *world,
		     struct arena *arena, struct spec_seccomp *out, struct error *err)
{
	const struct profile_rule *from = &p->syscalls[index];
	struct spec_seccomp_rule rule = {
		.names = from->names,
		.action = from->action,
		.args = from->args,
		.n_args = from->n_args,
	};
	bool applies = false;
	char at[40];
	(void)snprintf(at, sizeof(at), "/syscalls/%zu", index);
	if (from->name && !from->names.n)
		strings_add(arena, &rule.names, from->name);
	if (resolve_errno(&from->errno_ret, from->errno_name, &rule.errno_ret, err) < 0)
		return error_object(err, "%s/errno", at);
	int r = check_rule(from, &rule, at, err);
	if (r == 0)
		r = rule_applies(from, world, at, &applies, err);
	if (r == 0 && applies)
		*arena_push(arena, out->syscalls, out->n_syscalls) = rule;
	return r;
}

/* The entry of the native architecture, its sub-architectures behind it. An architecture whose name
 * libseccomp does not know is not ours either. */
static void take_arch_map(const struct profile *p, struct arena *arena, struct spec_seccomp *out)
{
	for (size_t i = 0; i < p->n_arch_map; i++) {
		uint32_t token = 0;
		const struct arch_entry *entry = &p->arch_map[i];
		if (seccomp_arch(entry->architecture, &token, NULL) < 0 ||
		    token != seccomp_arch_native())
			continue;
		strings_add(arena, &out->architectures, entry->architecture);
		for (size_t j = 0; j < entry->subs.n; j++)
			strings_add(arena, &out->architectures, entry->subs.v[j]);
		return;
	}
}

static int take_head(const struct profile *p, struct arena *arena, struct spec_seccomp *out,
		     struct error *err)
{
	struct archs archs;
	unsigned bits;
	uint32_t number;
	*out = (struct spec_seccomp){
		.default_action = p->default_action,
		.architectures = p->architectures,
		.flags = p->flags,
		.listener_path = p->listener_path,
		.listener_metadata = p->listener_metadata,
	};
	if (p->architectures.n && p->n_arch_map) {
		error_set(err, EINVAL, "\"architectures\" is there too: use one of the two");
		return error_object(err, "/archMap");
	}
	take_arch_map(p, arena, out);
	if (resolve_errno(&p->default_errno_ret, p->default_errno, &out->default_errno_ret, err) <
	    0)
		return error_object(err, "/defaultErrno");
	if (seccomp_action(out->default_action, &out->default_errno_ret, &number, err) < 0)
		return error_object(err, "/defaultAction");
	int r = seccomp_archs(out, &archs, err);
	return r < 0 ? r : seccomp_filter_flags(&out->flags, &bits, err);
}

int security_seccomp_load(struct spec *spec, const char *json, size_t size, struct error *err)
{
	struct world world = { 0 };
	struct profile profile = { 0 };
	struct spec_seccomp out;
	struct utsname uts;

	int r = caps_mask(&spec->process.caps.bounding, "/process/capabilities/bounding",
			  &world.caps, err);
	if (r == 0)
		r = schema_parse(&profile_schema, json, size, &spec->arena, &profile, err);
	if (r < 0)
		return r;
	if (uname(&uts) ==
	    0) /* minKernel is part of the format: else nothing here asks for a version */
		(void)sscanf(uts.release, "%5u.%5u", &world.kernel[0], &world.kernel[1]);
	r = take_head(&profile, &spec->arena, &out, err);
	for (size_t i = 0; r == 0 && i < profile.n_syscalls; i++)
		r = take_rule(&profile, i, &world, &spec->arena, &out, err);
	if (r == 0)
		spec->linux_.seccomp = out;
	return r;
}
