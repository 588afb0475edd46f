/* SPDX-License-Identifier: Apache-2.0 */
/* table_resources.c - the object "linux.resources" (config-linux.md, "Control groups"). */
#include "spec/spec.h"
#include "spec/tables.h"

/* Device numbers as the kernel has them: MINORBITS 20 (include/linux/kdev_t.h). */
#define MAJOR_MAX ((1u << 12) - 1)
#define MINOR_MAX ((1u << 20) - 1)

#define BYTES_HINT "bytes as a plain number, -1 is unlimited: 536870912, not \"512m\""

static const char *const rule_types[] = { "a", "b", "c", NULL };
static const struct schema_field device_rule_fields[] = {
	SCHEMA_FIELD(BOOL, struct spec_device_rule, allow, "allow", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRING, struct spec_device_rule, type, "type", .choices = rule_types),
	SCHEMA_FIELD(OPT_I64, struct spec_device_rule, major, "major", .min = -1, .max = MAJOR_MAX),
	SCHEMA_FIELD(OPT_I64, struct spec_device_rule, minor, "minor", .min = -1, .max = MINOR_MAX),
	SCHEMA_FIELD(STRING, struct spec_device_rule, access, "access"),
};
static const struct schema device_rule_schema = SCHEMA(struct spec_device_rule, device_rule_fields);

#define LIMIT(member, key)                                                                         \
	SCHEMA_FIELD(OPT_I64, struct spec_memory, member, key, .min = -1, .max = INT64_MAX,        \
		     .hint = BYTES_HINT)
static const struct schema_field memory_fields[] = {
	LIMIT(limit, "limit"),
	LIMIT(reservation, "reservation"),
	LIMIT(swap, "swap"),
	LIMIT(kernel, "kernel"),
	LIMIT(kernel_tcp, "kernelTCP"),
	SCHEMA_FIELD(OPT_U64, struct spec_memory, swappiness, "swappiness", .max = 100),
	SCHEMA_FIELD(OPT_BOOL, struct spec_memory, disable_oom_killer, "disableOOMKiller"),
	SCHEMA_FIELD(OPT_BOOL, struct spec_memory, use_hierarchy, "useHierarchy"),
	SCHEMA_FIELD(OPT_BOOL, struct spec_memory, check_before_update, "checkBeforeUpdate"),
};
static const struct schema memory_schema = SCHEMA(struct spec_memory, memory_fields);

static const struct schema_field cpu_fields[] = {
	SCHEMA_FIELD(OPT_U64, struct spec_cpu, shares, "shares"),
	SCHEMA_FIELD(OPT_I64, struct spec_cpu, quota, "quota", .min = -1, .max = INT64_MAX),
	SCHEMA_FIELD(OPT_U64, struct spec_cpu, burst, "burst"),
	SCHEMA_FIELD(OPT_U64, struct spec_cpu, period, "period"),
	SCHEMA_FIELD(OPT_I64, struct spec_cpu, realtime_runtime, "realtimeRuntime", .min = -1,
		     .max = INT64_MAX),
	SCHEMA_FIELD(OPT_U64, struct spec_cpu, realtime_period, "realtimePeriod"),
	SCHEMA_FIELD(STRING, struct spec_cpu, cpus, "cpus"),
	SCHEMA_FIELD(STRING, struct spec_cpu, mems, "mems"),
	SCHEMA_FIELD(OPT_I64, struct spec_cpu, idle, "idle", .max = 1),
};
static const struct schema cpu_schema = SCHEMA(struct spec_cpu, cpu_fields);

/* "pids" is an object in JSON, one number in struct spec_resources. */
static const struct schema_field pids_fields[] = {
	SCHEMA_FIELD(OPT_I64, struct spec_resources, pids_limit, "limit", .min = -1,
		     .max = INT64_MAX, .hint = "-1 is unlimited"),
};
static const struct schema pids_schema = SCHEMA(struct spec_resources, pids_fields);

#define BLOCK_DEVICE(type)                                                                         \
	SCHEMA_FIELD(I64, type, major, "major", .flags = SCHEMA_REQUIRED, .max = MAJOR_MAX),       \
		SCHEMA_FIELD(I64, type, minor, "minor", .flags = SCHEMA_REQUIRED,                  \
			     .max = MINOR_MAX)
#define WEIGHT(type, member, key) SCHEMA_FIELD(OPT_U64, type, member, key, .max = 1000)

static const struct schema_field weight_device_fields[] = {
	BLOCK_DEVICE(struct spec_weight_device),
	WEIGHT(struct spec_weight_device, weight, "weight"),
	WEIGHT(struct spec_weight_device, leaf_weight, "leafWeight"),
};
static const struct schema weight_device_schema =
	SCHEMA(struct spec_weight_device, weight_device_fields);

static const struct schema_field throttle_fields[] = {
	BLOCK_DEVICE(struct spec_throttle),
	SCHEMA_FIELD(U64, struct spec_throttle, rate, "rate", .flags = SCHEMA_REQUIRED),
};
static const struct schema throttle_schema = SCHEMA(struct spec_throttle, throttle_fields);

#define THROTTLES(member, key)                                                                     \
	SCHEMA_FIELD_OBJECTS(struct spec_block_io, member.v, member.n, key, &throttle_schema)
static const struct schema_field block_io_fields[] = {
	WEIGHT(struct spec_block_io, weight, "weight"),
	WEIGHT(struct spec_block_io, leaf_weight, "leafWeight"),
	SCHEMA_FIELD_OBJECTS(struct spec_block_io, weight_devices, n_weight_devices, "weightDevice",
			     &weight_device_schema),
	THROTTLES(read_bps, "throttleReadBpsDevice"),
	THROTTLES(write_bps, "throttleWriteBpsDevice"),
	THROTTLES(read_iops, "throttleReadIOPSDevice"),
	THROTTLES(write_iops, "throttleWriteIOPSDevice"),
};
static const struct schema block_io_schema = SCHEMA(struct spec_block_io, block_io_fields);

static const struct schema_field hugepage_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_hugepage, page_size, "pageSize", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(U64, struct spec_hugepage, limit, "limit", .flags = SCHEMA_REQUIRED),
};
static const struct schema hugepage_schema = SCHEMA(struct spec_hugepage, hugepage_fields);

static const struct schema_field net_priority_fields[] = {
	SCHEMA_FIELD(STRING, struct spec_net_priority, name, "name", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(U64, struct spec_net_priority, priority, "priority", .flags = SCHEMA_REQUIRED,
		     .max = UINT32_MAX),
};
static const struct schema net_priority_schema =
	SCHEMA(struct spec_net_priority, net_priority_fields);

static const struct schema_field network_fields[] = {
	SCHEMA_FIELD(OPT_U64, struct spec_network, class_id, "classID", .max = UINT32_MAX),
	SCHEMA_FIELD_OBJECTS(struct spec_network, priorities, n_priorities, "priorities",
			     &net_priority_schema),
};
static const struct schema network_schema = SCHEMA(struct spec_network, network_fields);

static const struct schema_field rdma_fields[] = {
	SCHEMA_FIELD(OPT_U64, struct spec_rdma, hca_handles, "hcaHandles", .max = UINT32_MAX),
	SCHEMA_FIELD(OPT_U64, struct spec_rdma, hca_objects, "hcaObjects", .max = UINT32_MAX),
};
static const struct schema rdma_schema = SCHEMA(struct spec_rdma, rdma_fields);

static const struct schema_field resources_fields[] = {
	SCHEMA_FIELD_OBJECTS(struct spec_resources, devices, n_devices, "devices",
			     &device_rule_schema),
	SCHEMA_FIELD_OBJECT(struct spec_resources, memory, "memory", &memory_schema),
	SCHEMA_FIELD_OBJECT(struct spec_resources, cpu, "cpu", &cpu_schema),
	SCHEMA_FIELD_GROUP(struct spec_resources, "pids", &pids_schema),
	SCHEMA_FIELD_OBJECT(struct spec_resources, block_io, "blockIO", &block_io_schema),
	SCHEMA_FIELD_OBJECTS(struct spec_resources, hugepages, n_hugepages, "hugepageLimits",
			     &hugepage_schema),
	SCHEMA_FIELD_OBJECT(struct spec_resources, network, "network", &network_schema),
	SCHEMA_FIELD_MAP(struct spec_resources, rdma, n_rdma, struct spec_rdma, device, "rdma",
			 &rdma_schema),
	SCHEMA_FIELD(PAIRS, struct spec_resources, unified, "unified"),
};
const struct schema resources_schema = SCHEMA(struct spec_resources, resources_fields);
