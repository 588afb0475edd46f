/* SPDX-License-Identifier: Apache-2.0 */
/* table_linux.c - the object "linux" (config-linux.md) without resources and seccomp. */
#include "spec/spec.h"
#include "spec/tables.h"

static const char *const namespace_types[] = {
	"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", NULL,
};
static const struct schema_field namespace_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_namespace, type, "type", .flags = SCHEMA_REQUIRED,
		     .choices = namespace_types),
	SCHEMA_FIELD(STRING, struct spec_namespace, path, "path"),
};
static const struct schema namespace_schema = SCHEMA(struct spec_namespace, namespace_fields);

static const struct schema_field idmap_fields[] = {
	SCHEMA_FIELD(U32, struct spec_idmap, container_id, "containerID", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(U32, struct spec_idmap, host_id, "hostID", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(U32, struct spec_idmap, size, "size", .flags = SCHEMA_REQUIRED, .min = 1,
		     .max = UINT32_MAX),
};
const struct schema idmap_schema = SCHEMA(struct spec_idmap, idmap_fields);

static const struct schema_field time_offset_fields[] = {
	SCHEMA_FIELD(OPT_I64, struct spec_time_offset, secs, "secs"),
	SCHEMA_FIELD(OPT_U64, struct spec_time_offset, nanosecs, "nanosecs", .max = 999999999),
};
static const struct schema time_offset_schema = SCHEMA(struct spec_time_offset, time_offset_fields);

/*
 * time_namespaces(7): these two clocks. Another one that is silently left as it is would be a lie.
 */
static const struct schema_field time_offsets_fields[] = {
	SCHEMA_FIELD_OBJECT(struct spec_linux, monotonic, "monotonic", &time_offset_schema),
	SCHEMA_FIELD_OBJECT(struct spec_linux, boottime, "boottime", &time_offset_schema),
};
static const struct schema time_offsets_schema =
	SCHEMA_CLOSED(struct spec_linux, time_offsets_fields);

static const char *const device_types[] = { "c", "b", "u", "p", NULL };
static const struct schema_field device_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_device, type, "type", .flags = SCHEMA_REQUIRED,
		     .choices = device_types),
	SCHEMA_FIELD(STRING, struct spec_device, path, "path", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(I64, struct spec_device, major, "major", .flags = SCHEMA_ALWAYS,
		     .max = (1 << 12) - 1),
	SCHEMA_FIELD(I64, struct spec_device, minor, "minor", .flags = SCHEMA_ALWAYS,
		     .max = (1 << 20) - 1),
	SCHEMA_FIELD(OPT_U64, struct spec_device, mode, "fileMode", .max = UINT32_MAX,
		     .hint = "JSON numbers are decimal: 438 is the mode 0666"),
	SCHEMA_FIELD(OPT_U64, struct spec_device, uid, "uid", .max = UINT32_MAX - 1),
	SCHEMA_FIELD(OPT_U64, struct spec_device, gid, "gid", .max = UINT32_MAX - 1),
};
static const struct schema device_schema = SCHEMA(struct spec_device, device_fields);

static const char *const personality_domains[] = { "LINUX", "LINUX32", NULL };
static const struct schema_field personality_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_linux, personality, "domain", .flags = SCHEMA_REQUIRED,
		     .choices = personality_domains),
	SCHEMA_FIELD(STRINGS, struct spec_linux, personality_flags, "flags"),
};
static const struct schema personality_schema = SCHEMA(struct spec_linux, personality_fields);

static const struct schema_field net_device_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_net_device, name, "name"),
};
static const struct schema net_device_schema = SCHEMA(struct spec_net_device, net_device_fields);

/* set_mempolicy(2) */
static const char *const memory_modes[] = {
	"MPOL_DEFAULT",	  "MPOL_BIND",		 "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
	"MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL",	    NULL,
};
static const char *const memory_flags[] = {
	"MPOL_F_NUMA_BALANCING",
	"MPOL_F_RELATIVE_NODES",
	"MPOL_F_STATIC_NODES",
	NULL,
};
static const struct schema_field memory_policy_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_memory_policy, mode, "mode", .flags = SCHEMA_REQUIRED,
		     .choices = memory_modes),
	SCHEMA_FIELD(STRING, struct spec_memory_policy, nodes, "nodes"),
	SCHEMA_FIELD(STRINGS, struct spec_memory_policy, flags, "flags", .choices = memory_flags),
};
static const struct schema memory_policy_schema =
	SCHEMA(struct spec_memory_policy, memory_policy_fields);

static const struct schema_field intel_rdt_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_intel_rdt, clos_id, "closID"),
	SCHEMA_FIELD(STRINGS, struct spec_intel_rdt, schemata, "schemata"),
	SCHEMA_FIELD(STRING, struct spec_intel_rdt, l3_cache_schema, "l3CacheSchema"),
	SCHEMA_FIELD(STRING, struct spec_intel_rdt, mem_bw_schema, "memBwSchema"),
	SCHEMA_FIELD(BOOL, struct spec_intel_rdt, enable_monitoring, "enableMonitoring"),
};
static const struct schema intel_rdt_schema = SCHEMA(struct spec_intel_rdt, intel_rdt_fields);

/* mount_namespaces(7); the recursive forms are what runc and its callers use. */
static const char *const propagations[] = {
	"shared", "slave",    "private",     "unbindable", "rshared",
	"rslave", "rprivate", "runbindable", NULL,
};

static const struct schema_field linux_fields[] = {
	SCHEMA_FIELD_OBJECTS(struct spec_linux, namespaces, n_namespaces, "namespaces",
			     &namespace_schema),
	SCHEMA_FIELD_OBJECTS(struct spec_linux, uid_mappings, n_uid_mappings, "uidMappings",
			     &idmap_schema),
	SCHEMA_FIELD_OBJECTS(struct spec_linux, gid_mappings, n_gid_mappings, "gidMappings",
			     &idmap_schema),
	SCHEMA_FIELD_GROUP(struct spec_linux, "timeOffsets", &time_offsets_schema),
	SCHEMA_FIELD_OBJECTS(struct spec_linux, devices, n_devices, "devices", &device_schema),
	SCHEMA_FIELD(STRING, struct spec_linux, cgroups_path, "cgroupsPath"),
	SCHEMA_FIELD_OBJECT(struct spec_linux, resources, "resources", &resources_schema),
	SCHEMA_FIELD(PAIRS, struct spec_linux, sysctl, "sysctl",
		     .hint = "sysctl values are strings: \"1\""),
	SCHEMA_FIELD_OBJECT(struct spec_linux, seccomp, "seccomp", &seccomp_schema),
	SCHEMA_FIELD(STRING, struct spec_linux, rootfs_propagation, "rootfsPropagation",
		     .choices = propagations),
	SCHEMA_FIELD(STRINGS, struct spec_linux, masked_paths, "maskedPaths"),
	SCHEMA_FIELD(STRINGS, struct spec_linux, readonly_paths, "readonlyPaths"),
	SCHEMA_FIELD(STRING, struct spec_linux, mount_label, "mountLabel"),
	SCHEMA_FIELD_GROUP(struct spec_linux, "personality", &personality_schema),
	SCHEMA_FIELD_MAP(struct spec_linux, net_devices, n_net_devices, struct spec_net_device,
			 host_name, "netDevices", &net_device_schema),
	SCHEMA_FIELD_OBJECT_HAS(struct spec_linux, memory_policy, has_memory_policy, "memoryPolicy",
				&memory_policy_schema),
	SCHEMA_FIELD_OBJECT_HAS(struct spec_linux, intel_rdt, has_intel_rdt, "intelRdt",
				&intel_rdt_schema),
};
const struct schema linux_schema = SCHEMA(struct spec_linux, linux_fields);
