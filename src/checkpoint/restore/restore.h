/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h - a container is made again from an image: docs/restore-order.md.
 *
 *   restore_load   decodes and checks everything, plans the process tree; nothing is touched
 *   (the caller builds namespaces, mounts, groups as for a new container; process 1 is contexe-seed)
 *   restore_run    a holder process makes the open files; one program a task is written; process 1 executes
 *                  its own, forks the others, which execute theirs; registers are set over ptrace; all are let go
 *
 * A restore that fails leaves process 1 and what it forked to the caller, who kills the container.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "checkpoint/image/image.h"
#include "checkpoint/inject/tracee.h"

/* Process 1 starts as contexe-seed with the image here, beside the seed's own descriptors. */
#define RESTORE_FD_IMAGE 5

struct restore_external {
	const char *name;
	int fd; /* stays the caller's */
};

struct restore;

/* img, arena must outlive it. -EBADMSG what makes no sense, -ENOTSUP what this engine cannot make. */
int restore_load(struct image *img, struct arena *arena, struct restore **ret, struct error *err)
	NODISCARD;
void restore_free(struct restore *r);

/* Names of external things that the image wants: the n-th, NULL after the last. */
const char *restore_wants(const struct restore *r, size_t n);

/* The memory that programs are in: to become descriptor SEED_FD_ARENA of contexe-seed. Stays ours. */
int restore_arena_fd(const struct restore *r);

struct restore_request {
	pid_t seed; /* process 1 as we see it: contexe-seed, before its message */
	int seed_pidfd;
	int seed_sock; /* our end */
	const struct restore_external *externals;
	size_t n_externals;
	tracees_lister lister; /* the container's processes */
	void *lister_arg;
	unsigned timeout_ms;
	bool watch; /* we are root of the machine: filters can be suspended while tasks end their programs */
	bool own_init; /* process 1 is contexe-init, of any machine */
	bool userns; /* the engine has no privileges but those in the container's user namespace */
	uint64_t monotonic_lag;
	/* Called when all tasks are made and stopped, before any goes on: the point of no return. May be NULL. */
	int (*before_go)(void *arg, struct error *err);
	void *arg;
};

struct restore_result {
	uint64_t run_ns; /* from the seed's message to the last task let go */
	uint32_t n_tasks, n_threads;
};

int restore_run(struct restore *r, const struct restore_request *req, struct restore_result *ret,
		struct error *err) NODISCARD;

/* The host's number of a task of the restored container; 0 before restore_run(). */
pid_t restore_host_pid(const struct restore *r, pid_t vpid);

/* What is in the image, for people: the process tree, open files, memory. */
void restore_describe(const struct restore *r, struct buf *out);

/* The process tree as planned and, once it was compiled (restore_compile_dry), the programs: for --dry-run. */
void restore_print(const struct restore *r, struct buf *out);
