/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_record.h - the records that make the process tree: what every process and thread has, before any kind. All
 * numbers are those of the container's pid namespace unless told otherwise.
 */
#pragma once

#include <stdint.h>

#include "checkpoint/image/record.h"

/* type "task", id = pid */
struct task_record {
	int32_t pid;
	int32_t host;	     /* its number on the machine then: for people */
	int32_t ppid;	     /* 0: a parent outside (process 1) */
	int32_t pgrp, sid;   /* 0: a leader outside */
	char *state;	     /* "running", "stopped", "zombie" */
	int32_t exit_status; /* zombie: as wait(2) tells it */
	int32_t stop_signal; /* stopped */
	bool stop_told;	     /* stopped: its parent was told by wait(2) already */
	int32_t exit_signal; /* sent to the parent: clone(2); -1 is written as 0 */
	struct u64s pids; /* of the leader in each namespace from the container's down to its own */
	/* nested only: what pgrp and sid are in the same namespaces; 0 where the leader is outside */
	struct u64s pgrps, sids;
	uint64_t pidns; /* its own namespace: 0 the container's, else a number */
	char *comm;
	uint64_t mm, files, fs; /* ids of what may be shared between processes; 0: none (zombie) */
	struct list threads;	/* struct thread_ref, the leader first */
};

struct thread_ref {
	int32_t tid;
	struct u64s tids; /* as pids */
};

extern const struct field task_record_fields[];

/* type "thread", id = tid */
struct thread_record {
	struct bytes regs;   /* struct user_regs_struct, fixed up to go on in a new process */
	struct bytes xstate; /* NT_X86_XSTATE */
	uint64_t mask;	     /* blocked signals */
};
extern const struct field thread_record_fields[];

/* type "files", id = table: which descriptor is which open file */
struct files_record {
	struct list fds; /* struct fd_record */
};
struct fd_record {
	int32_t number;
	uint64_t file;
	bool cloexec;
};
extern const struct field files_record_fields[];

/* type "fs", id = number: root and working directory are open files of their own (O_PATH) */
struct fs_record {
	uint64_t cwd, root; /* ids of open files; root 0: the container's */
	uint32_t umask;
};
extern const struct field fs_record_fields[];
