/* SPDX-License-Identifier: Apache-2.0 */
/* plan_data.h - the plan itself, plain data. How it is made and printed: plan.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "container/rootfs/rootfs.h"
#include "container/security/security.h"
#include "spec/spec.h"

/* What the plan needs to know of the machine and of the place on disk; all strings outlive the plan. */
struct plan_context {
	const char *dir;       /* the container's directory: upper/, work/, files made for it */
	const char *cache_dir; /* compiled seccomp filters; NULL: none */
	const char *init_path; /* contexe-init */
	const char *
		control; /* the control file of containers, for /run/contexe/container; NULL: none */
	bool privileged; /* real root, not inside a user namespace of ours */
	bool in_userns;	 /* the engine itself runs in a user namespace (nested, rootless) */
	const char *
		cgroup_tree; /* MOUNT_CGROUP's data on v1/hybrid: "memory;unified"; NULL: plain v2; "": none */
};

struct plan_join {
	uint64_t flag;
	const char *type, *path;
};

struct plan {
	struct arena arena;
	const struct spec *spec; /* borrowed */
	uint64_t unshare;	 /* CLONE_NEW* that are made new */
	struct plan_join joins[8];
	size_t n_joins;
	bool joins_user; /* one of them is a user namespace: see midwife.h */
	bool has_time_offsets;
	bool views;	/* the container's own /proc files: container/views.h */
	bool own_init;	/* contexe-init is pid 1 (else the program itself) */
	bool own_pidns; /* killing pid 1 ends everything */
	const char *init_path;
	struct rootfs_plan rootfs;
	struct security security;
	char **argv, **envp;
	const char *cwd, *user; /* user: name to look up inside, NULL: numeric ids of security */
};
