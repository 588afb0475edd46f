/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_spec.c - the top of config.json (config.md): root, mounts, hooks, and the object
 * "contexe".
 */
#include "spec/spec.h"
#include "spec/tables.h"

static const struct schema_field root_fields[] = {
	SCHEMA_FIELD(STRING, struct spec, root_path, "path"),
	SCHEMA_FIELD(BOOL, struct spec, root_readonly, "readonly"),
};
static const struct schema root_schema = SCHEMA(struct spec, root_fields);

static const struct schema_field mount_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_mount, destination, "destination",
		     .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRING, struct spec_mount, type, "type"),
	SCHEMA_FIELD(STRING, struct spec_mount, source, "source"),
	SCHEMA_FIELD(STRINGS, struct spec_mount, options, "options"),
	SCHEMA_FIELD_OBJECTS(struct spec_mount, uid_maps, n_uid_maps, "uidMappings", &idmap_schema),
	SCHEMA_FIELD_OBJECTS(struct spec_mount, gid_maps, n_gid_maps, "gidMappings", &idmap_schema),
};
static const struct schema mount_schema = SCHEMA(struct spec_mount, mount_fields);

static const struct schema_field hook_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_hook, path, "path", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRINGS, struct spec_hook, args, "args"),
	SCHEMA_FIELD(STRINGS, struct spec_hook, env, "env"),
	SCHEMA_FIELD(OPT_U64, struct spec_hook, timeout, "timeout", .min = 1, .max = INT32_MAX,
		     .hint = "seconds"),
};
static const struct schema hook_schema = SCHEMA(struct spec_hook, hook_fields);

#define HOOKS(member, key)                                                                         \
	SCHEMA_FIELD_OBJECTS(struct spec_hooks, member.v, member.n, key, &hook_schema)
static const struct schema_field hooks_fields[] = {
	HOOKS(prestart, "prestart"),
	HOOKS(create_runtime, "createRuntime"),
	HOOKS(create_container, "createContainer"),
	HOOKS(start_container, "startContainer"),
	HOOKS(poststart, "poststart"),
	HOOKS(poststop, "poststop"),
};
static const struct schema hooks_schema = SCHEMA(struct spec_hooks, hooks_fields);

static const char *const rootfs_kinds[] = { "host", "dir", "image", NULL };
static const char *const init_kinds[] = { "contexe", "none", "leader", NULL };
static const char *const restart_kinds[] = {
	"no", "always", "on-failure", "unless-stopped", NULL,
};
static const char *const log_kinds[] = { "file", "none", "passthrough", NULL };

static const struct schema_field contexe_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_contexe, rootfs, "rootfs", .choices = rootfs_kinds),
	SCHEMA_FIELD(STRING, struct spec_contexe, image, "image"),
	SCHEMA_FIELD(STRING, struct spec_contexe, image_id, "imageId"),
	SCHEMA_FIELD(BOOL, struct spec_contexe, overlay, "overlay"),
	SCHEMA_FIELD(STRINGS, struct spec_contexe, lower, "lower"),
	SCHEMA_FIELD(STRINGS, struct spec_contexe, submounts, "submounts"),
	SCHEMA_FIELD(STRING, struct spec_contexe, init, "init", .choices = init_kinds),
	SCHEMA_FIELD(BOOL, struct spec_contexe, interactive, "interactive"),
	SCHEMA_FIELD(BOOL, struct spec_contexe, remove, "remove"),
	SCHEMA_FIELD(STRING, struct spec_contexe, restart, "restart", .choices = restart_kinds),
	SCHEMA_FIELD(OPT_U64, struct spec_contexe, restart_max, "restartMax"),
	SCHEMA_FIELD(STRING, struct spec_contexe, stop_signal, "stopSignal"),
	SCHEMA_FIELD(OPT_U64, struct spec_contexe, stop_timeout, "stopTimeout"),
	SCHEMA_FIELD(STRING, struct spec_contexe, log, "log", .choices = log_kinds),
	SCHEMA_FIELD(STRING, struct spec_contexe, proc_view, "procView"),
	SCHEMA_FIELD(OPT_U64, struct spec_contexe, log_max, "logMax"),
	/* "" switches detaching off. */
	SCHEMA_FIELD(STRING, struct spec_contexe, detach_keys, "detachKeys", .flags = SCHEMA_EMPTY),
	SCHEMA_FIELD(STRINGS, struct spec_contexe, join, "join"),
	SCHEMA_FIELD(STRINGS, struct spec_contexe, group_add, "groupAdd"),
	SCHEMA_FIELD(BOOL, struct spec_contexe, default_seccomp, "defaultSeccomp"),
	SCHEMA_FIELD(BOOL, struct spec_contexe, delegate, "delegate"),
	SCHEMA_FIELD(BOOL, struct spec_contexe, privileged, "privileged"),
	SCHEMA_FIELD(OPT_U64, struct spec_contexe, auto_userns, "autoUserns", .min = 1,
		     .max = UINT32_MAX - 1),
	SCHEMA_FIELD(BOOL, struct spec_contexe, idmap, "idmap"),
	SCHEMA_FIELD(STRING, struct spec_contexe, lsm_label, "lsmLabel"),
};
const struct schema contexe_schema = SCHEMA(struct spec_contexe, contexe_fields);

static const struct schema_field spec_fields[] = {
	SCHEMA_FIELD(STRING, struct spec, oci_version, "ociVersion"),
	SCHEMA_FIELD_OBJECT(struct spec, process, "process", &process_schema),
	SCHEMA_FIELD_GROUP(struct spec, "root", &root_schema),
	SCHEMA_FIELD(STRING, struct spec, hostname, "hostname"),
	SCHEMA_FIELD(STRING, struct spec, domainname, "domainname"),
	SCHEMA_FIELD_OBJECTS(struct spec, mounts, n_mounts, "mounts", &mount_schema),
	SCHEMA_FIELD_OBJECT(struct spec, hooks, "hooks", &hooks_schema),
	SCHEMA_FIELD(PAIRS, struct spec, annotations, "annotations"),
	SCHEMA_FIELD_OBJECT(struct spec, linux_, "linux", &linux_schema),
	SCHEMA_FIELD_OBJECT(struct spec, contexe, "contexe", &contexe_schema),
};
const struct schema spec_schema = SCHEMA(struct spec, spec_fields);
