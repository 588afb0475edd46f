/* SPDX-License-Identifier: Apache-2.0 */
/* features.c - the table of features.h; the probes are in probe_*.c. */
#include "sys/features.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "sys/probe.h"

static const struct feature table[FEATURE_COUNT] = {
	/* tasks */
	[FEATURE_CLONE3] = {
		.key = "clone3",
		.title = "clone3(2)",
		.used_for = "making the processes of a container, with their namespaces and pidfds at once",
		.without = "nothing runs: contexe needs it",
		.since = "5.3",
		.probe = probe_clone3,
	},
	[FEATURE_SET_TID] = {
		.key = "set-tid",
		.title = "choosing the number of a new process",
		.used_for = "restart: every process comes back with its own pid",
		.without = "containers run, but cannot be restored",
		.since = "5.5",
		.probe = probe_set_tid,
	},
	[FEATURE_CLONE_INTO_CGROUP] = {
		.key = "clone-into-cgroup",
		.title = "being born in a control group",
		.used_for = "starting a container in its group, with no move afterwards",
		.without = "the process is moved after its birth, which is slower",
		.since = "5.7, cgroup v2",
		.probe = probe_clone_into_cgroup,
	},
	[FEATURE_PIDFD_OPEN] = {
		.key = "pidfd-open",
		.title = "pidfd_open(2)",
		.used_for = "holding processes so that no other can be mistaken for them",
		.without = "nothing runs: contexe needs it",
		.since = "5.3",
		.probe = probe_pidfd_open,
	},
	[FEATURE_PIDFD_GETFD] = {
		.key = "pidfd-getfd",
		.title = "pidfd_getfd(2)",
		.used_for = "checkpoint: taking open files out of a process without disturbing it",
		.without = "containers run, but cannot be checkpointed",
		.since = "5.6",
		.probe = probe_pidfd_getfd,
	},
	[FEATURE_PIDFD_INFO] = {
		.key = "pidfd-info",
		.title = "PIDFD_GET_INFO",
		.used_for = "asking a pidfd for ids and for the exit status of a process that is no child",
		.without = "/proc is read instead",
		.since = "6.13",
		.probe = probe_pidfd_info,
	},
	[FEATURE_PIDFD_NAMESPACES] = {
		.key = "pidfd-namespaces",
		.title = "namespaces out of a pidfd",
		.used_for = "opening the namespaces of a container without /proc",
		.without = "/proc/PID/ns is opened instead",
		.since = "6.11",
		.probe = probe_pidfd_namespaces,
	},
	[FEATURE_SETNS_PIDFD] = {
		.key = "setns-pidfd",
		.title = "setns(2) with a pidfd",
		.used_for = "exec and hijack: entering all namespaces of a process in one call",
		.without = "they are entered one by one",
		.since = "5.8",
		.probe = probe_setns_pidfd,
	},
	/* namespaces */
	[FEATURE_USERNS] = {
		.key = "userns",
		.title = "user namespaces",
		.used_for = "containers whose root is nobody outside",
		.without = "no --userns and no rootless containers",
		.since = "CONFIG_USER_NS",
		.probe = probe_userns,
	},
	[FEATURE_USERNS_UNPRIVILEGED] = {
		.key = "userns-unprivileged",
		.title = "user namespaces for everybody",
		.used_for = "rootless containers",
		.without = "only root can run containers",
		.since = "CONFIG_USER_NS, and neither sysctl nor LSM against it",
		.probe = probe_userns_unprivileged,
	},
	[FEATURE_TIMENS] = {
		.key = "timens",
		.title = "time namespaces",
		.used_for = "clocks of a container's own; restored processes do not see time jump",
		.without = "monotonic clocks jump at a restore on another machine or boot",
		.since = "5.6, CONFIG_TIME_NS",
		.probe = probe_timens,
	},
	/* mounts */
	[FEATURE_OPENAT2] = {
		.key = "openat2",
		.title = "openat2(2)",
		.used_for = "opening paths inside a root file system that must not lead out of it",
		.without = "nothing runs: contexe needs it",
		.since = "5.6",
		.probe = probe_openat2,
	},
	[FEATURE_MOUNT_API] = {
		.key = "mount-api",
		.title = "mounts as descriptors (fsopen, open_tree, move_mount)",
		.used_for = "building the file system tree of a container",
		.without = "nothing runs: contexe needs it",
		.since = "5.2",
		.probe = probe_mount_api,
	},
	[FEATURE_MOUNT_SETATTR] = {
		.key = "mount-setattr",
		.title = "mount_setattr(2)",
		.used_for = "read-only and other attributes for a whole tree of mounts at once",
		.without = "mounts are changed one by one",
		.since = "5.12",
		.probe = probe_mount_setattr,
	},
	[FEATURE_IDMAP] = {
		.key = "idmap",
		.title = "ID-mapped mounts",
		.used_for = "sharing files with a user namespace without changing their owners",
		.without = "files show as nobody's in a user namespace",
		.since = "5.12; the file system must support it",
		.probe = probe_idmap,
	},
	[FEATURE_OVERLAY] = {
		.key = "overlay",
		.title = "overlayfs",
		.used_for = "containers that write on top of an image they share",
		.without = "images are copied",
		.since = "CONFIG_OVERLAY_FS",
		.probe = probe_overlay,
	},
	[FEATURE_OVERLAY_USERNS] = {
		.key = "overlay-userns",
		.title = "overlayfs in a user namespace",
		.used_for = "the same for rootless containers",
		.without = "images are copied, or fuse-overlayfs is used",
		.since = "5.11",
		.probe = probe_overlay_userns,
	},
	[FEATURE_FUSE] = {
		.key = "fuse",
		.title = "/dev/fuse",
		.used_for = "views of /proc and /sys, fuse-overlayfs",
		.without = "neither of these",
		.since = "CONFIG_FUSE_FS",
		.probe = probe_fuse,
	},
	/* control groups */
	[FEATURE_CGROUP2] = {
		.key = "cgroup2",
		.title = "cgroup v2 tree",
		.used_for = "knowing, freezing and killing all processes of a container",
		.without = "cgroup v1 is used alone",
		.since = "4.5, mounted at its place",
		.probe = probe_cgroup2,
	},
	[FEATURE_CGROUP2_CONTROLLERS] = {
		.key = "cgroup2-controllers",
		.title = "cpu, memory and pids in cgroup v2",
		.used_for = "limits and accounting",
		.without = "limits are set in cgroup v1, or not at all",
		.since = "4.15, not claimed by v1",
		.probe = probe_cgroup2_controllers,
	},
	[FEATURE_CGROUP1] = {
		.key = "cgroup1",
		.title = "cgroup v1 controllers",
		.used_for = "limits and accounting where v2 has none",
		.without = "v2 is used alone",
		.since = "going away since 6.12",
		.probe = probe_cgroup1,
	},
	[FEATURE_CGROUP_FREEZE] = {
		.key = "cgroup-freeze",
		.title = "cgroup.freeze",
		.used_for = "pause",
		.without = "the freezer of cgroup v1, or stopping processes one by one",
		.since = "5.2",
		.probe = probe_cgroup_freeze,
	},
	[FEATURE_CGROUP_KILL] = {
		.key = "cgroup-kill",
		.title = "cgroup.kill",
		.used_for = "ending all processes of a container at once",
		.without = "they are frozen and killed one by one",
		.since = "5.14",
		.probe = probe_cgroup_kill,
	},
	/* walls */
	[FEATURE_BPF_DEVICE] = {
		.key = "bpf-device",
		.title = "eBPF device programs",
		.used_for = "which devices a container may use, in cgroup v2",
		.without = "the devices controller of v1, or no wall but the missing device nodes",
		.since = "4.15, CONFIG_CGROUP_BPF, CAP_BPF",
		.probe = probe_bpf_device,
	},
	[FEATURE_SECCOMP] = {
		.key = "seccomp",
		.title = "seccomp filters",
		.used_for = "forbidding system calls to a container",
		.without = "no --seccomp",
		.since = "3.17",
		.probe = probe_seccomp,
	},
	[FEATURE_SECCOMP_NOTIFY] = {
		.key = "seccomp-notify",
		.title = "seccomp user notification",
		.used_for = "answering system calls of a container from outside",
		.without = "OCI listenerPath is refused",
		.since = "5.0",
		.probe = probe_seccomp_notify,
	},
	[FEATURE_LANDLOCK] = {
		.key = "landlock",
		.title = "Landlock",
		.used_for = "an additional wall around contexe's own helpers",
		.without = "they do without",
		.since = "5.13",
		.probe = probe_landlock,
	},
	[FEATURE_APPARMOR] = {
		.key = "apparmor",
		.title = "AppArmor",
		.used_for = "profiles for containers",
		.without = "a profile that is asked for is refused",
		.since = "enabled at boot",
		.probe = probe_apparmor,
	},
	[FEATURE_SELINUX] = {
		.key = "selinux",
		.title = "SELinux",
		.used_for = "labels for containers",
		.without = "a label that is asked for is refused",
		.since = "enabled at boot",
		.probe = probe_selinux,
	},
	[FEATURE_NEWUIDMAP] = {
		.key = "newuidmap",
		.title = "newuidmap(1)",
		.used_for = "rootless containers with more than one user",
		.without = "rootless containers have but one user: root",
		.since = "the package uidmap",
		.probe = probe_newuidmap,
	},
	[FEATURE_NEWGIDMAP] = {
		.key = "newgidmap",
		.title = "newgidmap(1)",
		.used_for = "rootless containers with more than one group",
		.without = "rootless containers have but one group",
		.since = "the package uidmap",
		.probe = probe_newgidmap,
	},
	/* network */
	[FEATURE_VETH] = {
		.key = "veth",
		.title = "veth pairs",
		.used_for = "the network cable of a container",
		.without = "a container has loopback only, or the host's network",
		.since = "CONFIG_VETH",
		.probe = probe_veth,
	},
	[FEATURE_BRIDGE] = {
		.key = "bridge",
		.title = "bridges",
		.used_for = "networks that several containers share",
		.without = "no container networks",
		.since = "CONFIG_BRIDGE",
		.probe = probe_bridge,
	},
	[FEATURE_NFTABLES] = {
		.key = "nftables",
		.title = "nftables",
		.used_for = "published ports, the way out (masquerading), locking a network for a checkpoint",
		.without = "none of these",
		.since = "CONFIG_NF_TABLES",
		.probe = probe_nftables,
	},
	[FEATURE_TCP_REPAIR] = {
		.key = "tcp-repair",
		.title = "TCP_REPAIR",
		.used_for = "checkpoint of open TCP connections",
		.without = "containers with open connections cannot be checkpointed",
		.since = "3.5, CONFIG_CHECKPOINT_RESTORE",
		.probe = probe_tcp_repair,
	},
	/* memory and checkpoints */
	[FEATURE_MEMFD] = {
		.key = "memfd",
		.title = "memfd_create(2) and seals",
		.used_for = "files without a name that nobody can change",
		.without = "nothing runs: contexe needs it",
		.since = "3.17",
		.probe = probe_memfd,
	},
	[FEATURE_IO_URING] = {
		.key = "io-uring",
		.title = "io_uring",
		.used_for = "nothing yet; a container that uses it cannot be checkpointed",
		.without = "nothing is lost",
		.since = "5.1, kernel.io_uring_disabled",
		.probe = probe_io_uring,
	},
	[FEATURE_USERFAULTFD] = {
		.key = "userfaultfd",
		.title = "userfaultfd(2)",
		.used_for = "lazy restore: running before memory is loaded",
		.without = "memory is loaded first",
		.since = "4.3, CONFIG_USERFAULTFD",
		.probe = probe_userfaultfd,
	},
	[FEATURE_UFFD_WP_ASYNC] = {
		.key = "uffd-wp-async",
		.title = "asynchronous write-protection",
		.used_for = "copying memory while the container runs, then only what changed",
		.without = "soft-dirty, or copying all of it while frozen",
		.since = "6.7",
		.probe = probe_uffd_wp_async,
	},
	[FEATURE_PAGEMAP_SCAN] = {
		.key = "pagemap-scan",
		.title = "PAGEMAP_SCAN",
		.used_for = "finding the pages that are there, or have changed, quickly",
		.without = "/proc/PID/pagemap is read page by page",
		.since = "6.7",
		.probe = probe_pagemap_scan,
	},
	[FEATURE_SOFT_DIRTY] = {
		.key = "soft-dirty",
		.title = "soft-dirty bits",
		.used_for = "finding the pages that have changed, on kernels before 6.7",
		.without = "asynchronous write-protection, or copying all",
		.since = "CONFIG_MEM_SOFT_DIRTY",
		.probe = probe_soft_dirty,
	},
	[FEATURE_PROCMAP_QUERY] = {
		.key = "procmap-query",
		.title = "PROCMAP_QUERY",
		.used_for = "looking up one mapping of a process",
		.without = "/proc/PID/maps is parsed",
		.since = "6.11",
		.probe = probe_procmap_query,
	},
	[FEATURE_TIMER_IDS] = {
		.key = "timer-ids",
		.title = "timers with the id they had",
		.used_for = "restoring POSIX timers",
		.without = "timers are made and deleted until the id is reached",
		.since = "6.16",
		.probe = probe_timer_ids,
	},
	[FEATURE_PTRACE_RSEQ] = {
		.key = "ptrace-rseq",
		.title = "restartable sequences seen by a tracer",
		.used_for = "checkpoint of programs that use rseq(2), as every current C library does",
		.without = "found through the C library's symbols, or refused",
		.since = "5.13",
		.probe = probe_ptrace_rseq,
	},
};

const struct feature *feature_at(enum feature_id id)
{
	return &table[id];
}

int feature_find(const char *key)
{
	for (int i = 0; i < FEATURE_COUNT; i++)
		if (strcmp(table[i].key, key) == 0)
			return i;
	return -ENOENT;
}

/* What an errno says about the thing, about us, or about the moment. */
static enum feature_state state_of(int r)
{
	switch (r) {
	case 0:
		return FEATURE_YES;
	case -EPERM:
	case -EACCES:
		return FEATURE_DENIED;
	case -ENOMEM:
	case -EAGAIN:
	case -EMFILE:
	case -ENFILE:
	case -ETIMEDOUT:
	case -EINTR:
	case -EIO:
		return FEATURE_UNKNOWN;
	default:
		return FEATURE_NO;
	}
}

struct feature_answer features_ask(struct features *f, enum feature_id id)
{
	struct feature_answer *a = &f->answers[id];
	if (a->state == FEATURE_NOT_ASKED) {
		int r = table[id].probe();
		*a = (struct feature_answer){ .state = state_of(r), .err = -r };
	}
	return *a;
}

bool features_has(struct features *f, enum feature_id id)
{
	return features_ask(f, id).state == FEATURE_YES;
}

const char *feature_state_name(enum feature_state state)
{
	static const char *const names[] = {
		[FEATURE_NOT_ASKED] = "not asked",
		[FEATURE_YES] = "yes",
		[FEATURE_NO] = "no",
		[FEATURE_DENIED] = "denied",
		[FEATURE_UNKNOWN] = "unknown",
	};
	return names[state];
}
