/* SPDX-License-Identifier: Apache-2.0 */
/*
 * security.h - the walls around a process, in two halves:
 *
 *   prepare (in the engine, before the child exists; may allocate, use libraries and files):
 *       names become numbers, the seccomp profile becomes BPF (by libseccomp, or from the cache)
 *   apply   (in the child, single-threaded, after fork; no allocation, raw system calls only):
 *       security_apply_early()  rlimits, oom_score_adj, scheduler, keyring, personality, LSM label:
 *                               while still privileged. Needs a /proc for the second and the last;
 *                               the file must be procfs's own, no mount on top of it, so that a
 *                               forged or covered /proc cannot swallow the label.
 *       security_apply_final()  umask, groups, uid, gid, capability sets, no_new_privs, seccomp:
 *                               the point of no return right before execve(2)
 *
 * The order of apply_final follows capabilities(7), "Effect of user ID changes": keepcaps, bounding
 * set, setgroups, setresgid, setresuid, capset, ambient; seccomp before or after the capability
 * drop as no_new_privs allows (without it seccomp(2) needs CAP_SYS_ADMIN). Once the filter stands
 * this room makes at most one system call more: capset(2), without no_new_privs. setresuid(2) also
 * clears PR_SET_PDEATHSIG and the dumpable flag: whoever wants these sets them afterwards.
 *
 * Capabilities that cannot be given. A name that this build does not know is an error. One that is
 * known but that the kernel or the caller does not have (rootless, a caller inside another
 * container) is taken out of the sets and remembered in cap_missing, as the OCI specification asks
 * ("SHOULD NOT fail"); what the user asked for by name is then insisted on with
 * security_caps_require(). In a new or joined user namespace the child has every capability of the
 * kernel, so nothing is missing there.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

struct security_rlimit {
	int resource;
	struct rlimit value;
};

struct security {
	uint64_t cap_bounding, cap_effective, cap_inheritable, cap_permitted, cap_ambient;
	uint64_t cap_missing; /* asked for, but neither the kernel nor the caller can give it */
	bool no_new_privs;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	bool set_groups; /* false in a user namespace where setgroups(2) is denied */
	int umask;	 /* -1: as it is */
	struct security_rlimit *rlimits;
	size_t n_rlimits;
	bool has_oom_score_adj;
	int oom_score_adj;
	struct sock_filter *filter; /* NULL: no seccomp */
	unsigned short filter_len;
	unsigned seccomp_flags; /* SECCOMP_FILTER_FLAG_*; NEW_LISTENER: a listenerPath is given */
	bool filter_from_cache; /* for statistics and tests */
	/* Where apply_final puts the listener's descriptor, which the kernel opens O_CLOEXEC.
	 * Whoever sees NEW_LISTENER in the flags must set this. */
	int *listener;
	bool new_keyring; /* a session keyring of its own; true unless the caller objects */
	char *exec_label; /* what to write to take on an LSM label at execve(2), NULL: nothing */
	char *exec_label_file;	   /* "attr/apparmor/exec" or "attr/exec" below /proc/thread-self */
	unsigned long personality; /* ~0: as it is */
	bool has_scheduler, has_io_priority;
	struct {
		uint32_t policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} scheduler;
	int io_priority; /* as ioprio_set(2) takes it */
};

/*
 * Fills *ret from the spec's process, linux.seccomp and personality. cache_dir: directory for
 * compiled filters (NULL: no cache); it is used only if it belongs to the caller and nobody else
 * may write there. A cache that cannot be read or written is no error. Memory lives in the arena.
 * set_groups comes out true: only who makes the user namespace knows whether setgroups(2) is denied
 * there. -EINVAL with the object that is wrong (a capability name that this build does not know, an
 * rlimit, a seccomp action), -ENOTSUP for what this kernel cannot do (an LSM that is off, a seccomp
 * flag).
 */
int security_prepare(const struct spec *spec, const char *cache_dir, struct arena *arena,
		     struct security *ret, struct error *err) NODISCARD;

/*
 * -EPERM naming the capabilities of `wanted` (a mask) that are in sec->cap_missing, 0 when none is.
 */
int security_caps_require(const struct security *sec, uint64_t wanted, struct error *err) NODISCARD;

/*
 * The same before anything is prepared, for capabilities that were asked for by name.
 */
int security_caps_insist(const struct spec *spec, uint64_t wanted, struct error *err) NODISCARD;

/*
 * In the child. 0 or -errno; after a failure the process is half dressed and must exit. With
 * SECCOMP_FILTER_FLAG_NEW_LISTENER, *sec->listener is a descriptor afterwards, the child's to hand
 * over.
 */
int security_apply_early(const struct security *sec, struct error *err) NODISCARD;
int security_apply_final(const struct security *sec, struct error *err) NODISCARD;

/*
 * The first part of security_apply_early() alone, for a process that enters a user namespace of others: it must
 * not be dumpable there, and its own file belongs to the machine's root from then on. Children inherit the value.
 */
int security_apply_oom_score_adj(const struct security *sec, struct error *err) NODISCARD;

/*
 * The rlimits alone, to process pid (0: the caller): a parent with CAP_SYS_RESOURCE can thus raise
 * hard limits of a child that already lives in a user namespace; empty n_rlimits of the child's
 * copy then.
 */
int security_apply_rlimits(const struct security *sec, pid_t pid, struct error *err) NODISCARD;

/* The engine's defaults, written into a spec. */
void security_default_caps(struct spec *spec); /* the usual bounded set of 11 */
void security_all_caps(struct spec *spec);     /* every capability that the kernel knows */
/*
 * "NET_RAW", "cap_net_raw", "ALL". -EINVAL when unknown. One that is added by name for a user other
 * than root becomes inheritable and ambient too, for otherwise execve(2) would take it away again:
 * set process.user before.
 */
int security_caps_add(struct spec *spec, const char *name, struct error *err) NODISCARD;
int security_caps_drop(struct spec *spec, const char *name, struct error *err) NODISCARD;
/*
 * The default allow-list, given the bounding set that the spec holds by now. Replaces
 * linux.seccomp.
 */
void security_default_seccomp(struct spec *spec);
/*
 * Reads a seccomp profile: docker/podman's seccomp.json ("names", "includes", "excludes",
 * "archMap") or an OCI linux.seccomp object, at most 4 MiB. Conditions on capabilities are decided
 * by the spec's bounding set as it is now. Replaces linux.seccomp, on success only. -EINVAL with
 * the JSON pointer, or -E2BIG.
 */
int security_seccomp_load(struct spec *spec, const char *json, size_t size, struct error *err)
	NODISCARD;
/* The number of the capability, -EINVAL when unknown. "CAP_CHOWN", "chown". */
int capability_number(const char *name) NODISCARD;
const char *capability_name(int number); /* "CAP_CHOWN" or NULL */
uint64_t capability_mask_all(void);	 /* those that this kernel has */
