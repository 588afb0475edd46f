/* SPDX-License-Identifier: Apache-2.0 */
/*
 * security.h - the walls around a process, in two halves:
 *
 *   prepare (in the engine, before the child exists; may allocate, use libraries and files):
 *       names become numbers, the seccomp profile becomes BPF (through libseccomp, or from the cache)
 *   apply   (in the child, single-threaded, after fork; no allocation, raw system calls only):
 *       security_apply_early()  rlimits, oom_score_adj, scheduler, keyring, ... while still privileged
 *       security_apply_final()  groups, uid, gid, capability sets, no_new_privs, seccomp: the point of
 *                               no return right before execve(2)
 *
 * The order of apply_final follows capabilities(7), "Effect of user ID changes": keepcaps, bounding set,
 * setgroups, setresgid, setresuid, capset, ambient, securebits; seccomp before or after the capability
 * drop as no_new_privs allows (without it seccomp(2) needs CAP_SYS_ADMIN).
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
	unsigned seccomp_flags; /* SECCOMP_FILTER_FLAG_* */
	bool new_keyring;
	char *exec_label;	   /* LSM label to take on execve, NULL: none */
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
 * Fills *ret from the spec's process, linux.seccomp and personality. cache_dir: directory for compiled
 * filters (NULL: no cache). Memory lives in the arena. -EINVAL with the object that is wrong (a capability
 * name that this build does not know, an rlimit, a seccomp action).
 */
int security_prepare(const struct spec *spec, const char *cache_dir, struct arena *arena,
		     struct security *ret, struct error *err) NODISCARD;

int security_apply_early(const struct security *sec, struct error *err) NODISCARD;
int security_apply_final(const struct security *sec, struct error *err) NODISCARD;

/* The engine's defaults, written into a spec. */
void security_default_caps(struct spec *spec); /* the usual bounded set of 11 */
void security_all_caps(struct spec *spec);     /* every capability that the kernel knows */
int security_caps_add(struct spec *spec, const char *name, struct error *err)
	NODISCARD; /* "NET_RAW", "ALL" */
int security_caps_drop(struct spec *spec, const char *name, struct error *err) NODISCARD;
/* The default allow-list, given the capabilities that the spec holds by now. */
void security_default_seccomp(struct spec *spec);
/* Reads a seccomp profile: docker/podman's seccomp.json ("names", "includes", "excludes", "archMap") or
 * an OCI linux.seccomp object. */
int security_seccomp_load(struct spec *spec, const char *json, size_t size, struct error *err)
	NODISCARD;
/* The numbers of the capability, -EINVAL when unknown. "CAP_CHOWN", "chown". */
int capability_number(const char *name) NODISCARD;
const char *capability_name(int number); /* "CAP_CHOWN" or NULL */
uint64_t capability_mask_all(void);	 /* up to /proc/sys/kernel/cap_last_cap */
