/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.h - what a container shall be: the OCI runtime-spec config.json as a struct, plus the few
 * things that config.json has no word for (struct spec_contexe, written as the annotation-free
 * object "contexe").
 *
 * Plain data; every pointer lives in the spec's arena. A spec comes from spec_parse() (JSON,
 * hostile input) or is filled in by hand. No system calls in this room.
 *
 * Special states: a NULL string or an array with n == 0 means "not given". Optional numbers are
 * struct opt_u64 / opt_i64 with .set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "spec/values.h"

/* ---- process ---- */
struct spec_user {
	uint32_t uid, gid;
	struct opt_u64 umask;
	uint32_t *additional_gids;
	size_t n_additional_gids;
	char *username;
};
struct spec_caps { /* names as "CAP_CHOWN" */
	struct strings bounding, effective, inheritable, permitted, ambient;
};
struct spec_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};
struct spec_console_size {
	uint64_t height, width;
};
struct spec_scheduler {
	char *policy; /* "SCHED_OTHER" */
	int64_t nice, priority;
	struct strings flags;
	uint64_t runtime, deadline, period;
};
struct spec_io_priority {
	char *cls; /* "IOPRIO_CLASS_BE" */
	int64_t priority;
};
struct spec_cpu_affinity {
	char *initial, *final; /* cpu lists */
};
struct spec_process {
	bool terminal;
	struct spec_console_size console_size;
	struct spec_user user;
	struct strings args, env;
	char *cwd;
	bool has_caps;
	struct spec_caps caps;
	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privs;
	char *apparmor_profile, *selinux_label;
	struct opt_i64 oom_score_adj;
	bool has_scheduler, has_io_priority, has_cpu_affinity;
	struct spec_scheduler scheduler;
	struct spec_io_priority io_priority;
	struct spec_cpu_affinity cpu_affinity;
};

/* ---- linux ---- */
struct spec_namespace {
	char *type; /* pid network mount ipc uts user cgroup time */
	char *path; /* join this one; NULL: a new one */
};
struct spec_idmap {
	uint32_t container_id, host_id, size;
};
struct spec_mount {
	char *destination, *type, *source;
	struct strings options;
	struct spec_idmap *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
};
struct spec_device {
	char *type, *path; /* "c" "b" "u" "p" */
	int64_t major, minor;
	struct opt_u64 mode, uid, gid;
};
struct spec_device_rule {
	bool allow;
	char *type;		     /* a b c; NULL: a */
	struct opt_i64 major, minor; /* not set or -1: any */
	char *access;		     /* subset of rwm; NULL: rwm */
};
struct spec_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};
struct spec_cpu {
	struct opt_u64 shares, period, realtime_period, burst;
	struct opt_i64 quota, realtime_runtime, idle;
	char *cpus, *mems;
};
struct spec_weight_device {
	int64_t major, minor;
	struct opt_u64 weight, leaf_weight;
};
struct spec_throttle {
	int64_t major, minor;
	uint64_t rate;
};
struct spec_throttles {
	struct spec_throttle *v;
	size_t n;
};
struct spec_block_io {
	struct opt_u64 weight, leaf_weight;
	struct spec_weight_device *weight_devices;
	size_t n_weight_devices;
	struct spec_throttles read_bps, write_bps, read_iops, write_iops;
};
struct spec_hugepage {
	char *page_size; /* "2MB" */
	uint64_t limit;
};
struct spec_net_priority {
	char *name;
	uint64_t priority;
};
struct spec_network {
	struct opt_u64 class_id;
	struct spec_net_priority *priorities;
	size_t n_priorities;
};
struct spec_rdma {
	char *device;
	struct opt_u64 hca_handles, hca_objects;
};
struct spec_resources {
	struct spec_device_rule *devices;
	size_t n_devices;
	struct spec_memory memory;
	struct spec_cpu cpu;
	struct opt_i64 pids_limit;
	struct spec_block_io block_io;
	struct spec_hugepage *hugepages;
	size_t n_hugepages;
	struct spec_network network;
	struct spec_rdma *rdma;
	size_t n_rdma;
	struct spec_pairs unified; /* v2 file name -> text */
};
struct spec_seccomp_arg {
	uint64_t index, value, value_two;
	char *op; /* "SCMP_CMP_EQ" */
};
struct spec_seccomp_rule {
	struct strings names;
	char *action;
	struct opt_u64 errno_ret;
	struct spec_seccomp_arg *args;
	size_t n_args;
};
struct spec_seccomp {
	char *default_action; /* NULL: no seccomp section */
	struct opt_u64 default_errno_ret;
	struct strings architectures, flags;
	char *listener_path, *listener_metadata;
	struct spec_seccomp_rule *syscalls;
	size_t n_syscalls;
};
struct spec_time_offset {
	struct opt_i64 secs;
	struct opt_u64 nanosecs;
};
struct spec_net_device { /* moved from the runtime's network namespace into the container's */
	char *host_name;
	char *name; /* inside; NULL: the same */
};
struct spec_memory_policy {   /* set_mempolicy(2) */
	char *mode;	      /* "MPOL_BIND" */
	char *nodes;	      /* a list as in cpu.mems */
	struct strings flags; /* "MPOL_F_STATIC_NODES" */
};
struct spec_intel_rdt {		 /* resctrl */
	char *clos_id;		 /* NULL: the container's id */
	struct strings schemata; /* lines, written last */
	char *l3_cache_schema, *mem_bw_schema;
	bool enable_monitoring;
};
struct spec_linux {
	struct spec_namespace *namespaces;
	size_t n_namespaces;
	struct spec_idmap *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	struct spec_time_offset monotonic, boottime; /* timeOffsets */
	struct spec_device *devices;
	size_t n_devices;
	char *cgroups_path;
	struct spec_resources resources;
	struct spec_pairs sysctl;
	struct spec_seccomp seccomp;
	char *rootfs_propagation;
	struct strings masked_paths, readonly_paths;
	char *mount_label;
	char *personality;		  /* "LINUX" or "LINUX32" */
	struct strings personality_flags; /* none are defined yet */
	struct spec_net_device *net_devices;
	size_t n_net_devices;
	bool has_memory_policy, has_intel_rdt;
	struct spec_memory_policy memory_policy;
	struct spec_intel_rdt intel_rdt;
};

/* ---- hooks ---- */
struct spec_hook {
	char *path;
	struct strings args, env;
	struct opt_u64 timeout; /* seconds */
};
struct spec_hooks_list {
	struct spec_hook *v;
	size_t n;
};
struct spec_hooks {
	struct spec_hooks_list prestart, create_runtime, create_container, start_container,
		poststart, poststop;
};

/* ---- what is ours ---- */
struct spec_contexe {
	char *rootfs; /* "host", "dir", "image": where root.path came from */
	char *image;  /* name or id of the image, for people */
	char *image_id;
	bool overlay; /* the root is an overlay: root.path lies below a private upper layer */
	struct strings lower;	  /* layers above root.path, top first, when overlay */
	struct strings submounts; /* --host: mount points below root.path to show as well */
	char *init; /* "contexe" (default), "none", or "leader": contexe-init, and a process outside leads */
	bool interactive;	     /* stdin is kept open */
	bool remove;		     /* --rm */
	char *restart;		     /* no, always, on-failure, unless-stopped */
	struct opt_u64 restart_max;  /* on-failure:N */
	char *stop_signal;	     /* name */
	struct opt_u64 stop_timeout; /* seconds before SIGKILL */
	char *log;		     /* "file" (default), "none", "passthrough" */
	char *proc_view;	     /* own /proc files: "auto", "on", "off"; NULL: off */
	struct opt_u64 log_max;	     /* bytes before rotation */
	char *detach_keys;
	struct strings join;	    /* "CONTAINER:ns" as given */
	struct strings group_add;   /* names or gids, looked up inside */
	bool default_seccomp;	    /* our own list, where linux.seccomp says nothing */
	bool delegate;		    /* the cgroup is writable inside */
	bool privileged;	    /* no masks, all capabilities and devices */
	struct opt_u64 auto_userns; /* how many ids were asked for; the range is in uid_mappings */
	bool idmap; /* the root's files are stored with the ids of the container, and mapped at each start */
	char *lsm_label;
};

struct spec {
	struct arena arena;
	char *oci_version;
	struct spec_process process;
	char *root_path;
	bool root_readonly;
	char *hostname, *domainname;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_hooks hooks;
	struct spec_pairs annotations;
	struct spec_linux linux_; /* `linux` is a macro of gcc */
	struct spec_contexe contexe;
};

#define CLEANUP_SPEC CLEANUP(spec_done)
void spec_done(struct spec *s);

/*
 * Reads JSON text (at most 4 MiB, nested at most 32 deep) into *ret. Strict (json.h, schema.h):
 * wrong types, numbers out of range, strings with NUL and duplicate keys are refused with an error
 * whose object is the JSON pointer ("/linux/resources/memory/limit"). Unknown keys are ignored, as
 * the specification says (config.md, "Extensibility"), and so is null. An empty string or array is
 * the same as none. -EINVAL, -E2BIG or -ENOMEM. *ret is valid (spec_done it) only on success.
 */
int spec_parse(const char *json, size_t size, struct spec *ret, struct error *err) NODISCARD;

/*
 * Appends the spec as compact JSON (not given fields left out), so that spec_parse() of it gives
 * the same spec, if spec_check() has passed: strings that are no UTF-8 cannot be written.
 */
void spec_print(const struct spec *s, struct buf *out);

/*
 * Parts of a spec that stand alone: the resources, as `update` takes them, and the process, as
 * `exec` does. *ret must be zeroed or hold defaults, which stay where the text says nothing.
 * Errors as spec_parse(); the pointer begins at the part.
 */
int spec_resources_parse(const char *json, size_t size, struct arena *arena,
			 struct spec_resources *ret, struct error *err) NODISCARD;
int spec_process_parse(const char *json, size_t size, struct arena *arena, struct spec_process *ret,
		       struct error *err) NODISCARD;

/*
 * What a spec must hold before anybody acts on it: the types, ranges and names of the tables, and
 * the rules of the runtime-spec that look at more than one field (check_*.c have them all). Looks
 * at the spec only: whether files, namespaces or capabilities exist is found out by those who use
 * them. 0 or -EINVAL with the JSON pointer and, where there is one, a hint.
 */
int spec_check(const struct spec *s, struct error *err) NODISCARD;
/* The same for the parts alone; pointers begin at the part. */
int spec_process_check(const struct spec_process *process, struct error *err) NODISCARD;
int spec_resources_check(const struct spec_resources *res, struct error *err) NODISCARD;

/* The entry of linux.namespaces of this type, NULL when the container stays in the caller's. */
const struct spec_namespace *spec_namespace_find(const struct spec *s, const char *type);

/*
 * The file of a sysctl below /proc/sys, by the rule of sysctl(8): the first separator, "." or "/",
 * is the one between directories, the other one stands in names ("net.ipv4.conf.eth0/1.mtu" is
 * "net/ipv4/conf/eth0.1/mtu"). Returns 0, or -EINVAL for what could leave /proc/sys or names no
 * file.
 */
int spec_sysctl_path(const char *key, char *ret, size_t size) NODISCARD;
