/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features.h - what this kernel, configured as it is, lets this process do: one table of probes.
 *
 * A probe tries the thing itself and looks at what happens; versions are never compared, since
 * distributions backport, configurations leave out, and sandboxes forbid. The kernel versions in the table
 * are for people to read. Probes leave nothing behind: whatever would change the process or the machine is
 * done by a short-lived child in namespaces of its own. (A module that the kernel loads for a probe, say for
 * nftables, stays loaded, as it would after the first use.)
 *
 * An answer holds for the credentials of who asked: a process without privileges is asked for what it can
 * do in a user namespace of its own. Each probe runs once per struct features, when first asked for;
 * the struct is the caller's, zeroed at first, and no more than plain data.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"

enum feature_id {
	FEATURE_CLONE3,
	FEATURE_SET_TID,
	FEATURE_CLONE_INTO_CGROUP,
	FEATURE_PIDFD_OPEN,
	FEATURE_PIDFD_GETFD,
	FEATURE_PIDFD_INFO,
	FEATURE_PIDFD_NAMESPACES,
	FEATURE_SETNS_PIDFD,
	FEATURE_USERNS,
	FEATURE_USERNS_UNPRIVILEGED,
	FEATURE_TIMENS,
	FEATURE_OPENAT2,
	FEATURE_MOUNT_API,
	FEATURE_MOUNT_SETATTR,
	FEATURE_IDMAP,
	FEATURE_OVERLAY,
	FEATURE_OVERLAY_USERNS,
	FEATURE_FUSE,
	FEATURE_CGROUP2,
	FEATURE_CGROUP2_CONTROLLERS,
	FEATURE_CGROUP1,
	FEATURE_CGROUP_FREEZE,
	FEATURE_CGROUP_KILL,
	FEATURE_BPF_DEVICE,
	FEATURE_SECCOMP,
	FEATURE_SECCOMP_NOTIFY,
	FEATURE_LANDLOCK,
	FEATURE_APPARMOR,
	FEATURE_SELINUX,
	FEATURE_NEWUIDMAP,
	FEATURE_NEWGIDMAP,
	FEATURE_VETH,
	FEATURE_BRIDGE,
	FEATURE_NFTABLES,
	FEATURE_TCP_REPAIR,
	FEATURE_MEMFD,
	FEATURE_IO_URING,
	FEATURE_USERFAULTFD,
	FEATURE_UFFD_WP_ASYNC,
	FEATURE_PAGEMAP_SCAN,
	FEATURE_SOFT_DIRTY,
	FEATURE_PROCMAP_QUERY,
	FEATURE_TIMER_IDS,
	FEATURE_PTRACE_RSEQ,
	FEATURE_COUNT,
};

/* A row of the table: for programs the key and the probe, for people the rest. */
struct feature {
	const char *key;   /* "clone3", "cgroup-kill": as in `contexe probe KEY`; never changes */
	const char *title; /* a few words */
	const char *used_for; /* what contexe does with it */
	const char *without;  /* what happens where it is missing */
	const char *since;    /* kernel version or configuration, as text */
	int (*probe)(void);   /* 0: it works; -errno: what it answered */
};

enum feature_state {
	FEATURE_NOT_ASKED,
	FEATURE_YES,
	FEATURE_NO,	 /* the kernel, or the machine, does not have it */
	FEATURE_DENIED,	 /* it is there, or may be, but not for us (EPERM, EACCES) */
	FEATURE_UNKNOWN, /* the probe itself could not be made (no memory, no process, no time) */
};

struct feature_answer {
	enum feature_state state;
	int err; /* errno of the refusal; 0 for FEATURE_YES */
};

struct features {
	struct feature_answer answers[FEATURE_COUNT];
};

/* The row of a feature. id must be one. */
const struct feature *feature_at(enum feature_id id);

/* The id that belongs to a key, or -ENOENT. */
int feature_find(const char *key) NODISCARD;

/* Probes on the first call and remembers. */
struct feature_answer features_ask(struct features *f, enum feature_id id);

/* The same, for code that only has a way with and a way without: true for FEATURE_YES. */
bool features_has(struct features *f, enum feature_id id);

/* "yes", "no", "denied", "unknown", "not asked". */
const char *feature_state_name(enum feature_state state);
