/* SPDX-License-Identifier: Apache-2.0 */
/* task_record.c - the fields of task_record.h. */
#include "checkpoint/kind/task_record.h"

#define MAX_LEVELS  33	    /* MAX_PID_NS_LEVEL + 1 */
#define MAX_THREADS 4194304 /* PID_MAX_LIMIT */

static const struct field thread_ref_fields[] = {
	FIELD(struct thread_ref, tid, I32),
	FIELD(struct thread_ref, tids, U64S, .max = MAX_LEVELS),
	FIELDS_END,
};

const struct field task_record_fields[] = {
	FIELD(struct task_record, pid, I32),
	FIELD(struct task_record, host, I32, .optional = true),
	FIELD(struct task_record, ppid, I32),
	FIELD(struct task_record, pgrp, I32),
	FIELD(struct task_record, sid, I32),
	FIELD(struct task_record, state, TEXT, .max = 16),
	FIELD(struct task_record, exit_status, I32, .optional = true),
	FIELD(struct task_record, stop_signal, I32, .optional = true),
	FIELD(struct task_record, stop_told, BOOL, .optional = true),
	FIELD(struct task_record, exit_signal, I32, .optional = true),
	FIELD(struct task_record, pids, U64S, .max = MAX_LEVELS),
	FIELD(struct task_record, pgrps, U64S, .optional = true, .max = MAX_LEVELS),
	FIELD(struct task_record, sids, U64S, .optional = true, .max = MAX_LEVELS),
	FIELD(struct task_record, pidns, U64, .optional = true),
	FIELD(struct task_record, comm, TEXT, .max = 64),
	FIELD(struct task_record, mm, U64, .optional = true),
	FIELD(struct task_record, files, U64, .optional = true),
	FIELD(struct task_record, fs, U64, .optional = true),
	FIELD(struct task_record, threads, LIST, .max = MAX_THREADS, .fields = thread_ref_fields,
	      .size = sizeof(struct thread_ref)),
	FIELDS_END,
};

const struct field thread_record_fields[] = {
	FIELD(struct thread_record, regs, BYTES, .max = 4096),
	FIELD(struct thread_record, xstate, BYTES, .max = 65536),
	FIELD(struct thread_record, mask, U64, .optional = true),
	FIELDS_END,
};

static const struct field fd_fields[] = {
	FIELD(struct fd_record, number, I32),
	FIELD(struct fd_record, file, U64),
	FIELD(struct fd_record, cloexec, BOOL, .optional = true),
	FIELDS_END,
};

const struct field files_record_fields[] = {
	FIELD(struct files_record, fds, LIST, .max = 1 << 24, .fields = fd_fields,
	      .size = sizeof(struct fd_record)),
	FIELDS_END,
};

const struct field fs_record_fields[] = {
	FIELD(struct fs_record, cwd, U64),
	FIELD(struct fs_record, root, U64, .optional = true),
	FIELD(struct fs_record, umask, U32),
	FIELDS_END,
};
