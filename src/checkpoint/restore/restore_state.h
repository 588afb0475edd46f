/* SPDX-License-Identifier: Apache-2.0 */
/* restore_state.h - one restore, for the files of this room: load.c, compile.c, holder.c, run.c, finish.c. */
#pragma once

#include "checkpoint/inject/arena_map.h"
#include "checkpoint/inject/program.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/task_kind.h"
#include "checkpoint/kind/task_record.h"
#include "checkpoint/memory/memory.h"
#include "checkpoint/restore/restore.h"
#include "checkpoint/tree/tree.h"

struct restored_thread {
	pid_t vtid;
	pid_t host; /* threads_find() */
	const struct thread_ref *ref;
	struct thread_record record;
	struct program program; /* of the leader: the whole process' */
	struct tracee tracee;	/* at the end; of a guarded one before its last step */
	bool guarded;
};

struct restored_task {
	struct task_record record;
	struct files_record files;
	struct fs_record fs;
	struct memory *memory; /* NULL: a zombie */
	struct restored_thread *threads;
	size_t n_threads;
	pid_t host; /* once it lives */
};

struct restored_file {
	uint64_t id;
	struct file_record record;
	const struct file_kind *kind; /* NULL: external */
	void *data;		      /* the kind's record */
	bool late;		      /* made when all tasks exist */
};

/* One task that has late files: where it gets them. */
struct late_sock {
	pid_t vpid;
	int ours, theirs;
};

/* Words in the arena that tasks meet at; every one is counted up and waited for. See tree.h. */
struct meeting {
	uint64_t abort, born, joined, moved, settled, ready, late, guarded, guard, done;
};

struct restore {
	struct image *img;
	struct arena *arena;
	struct restored_task *tasks; /* ascending pid */
	size_t n_tasks;
	struct restored_file *files; /* ascending id */
	size_t n_files;
	struct tree tree;
	struct program *helpers; /* by birth index: the programs of helpers and zombies */
	struct arena_map am;
	struct meeting meet;
	struct late_sock *late_socks;
	size_t n_late, n_late_tasks; /* files; tasks that have any */
	int fd_base; /* of the descriptors that all tasks inherit: socket, image, then the files */
	uint32_t n_threads, n_guarded;
	bool compiled;
};

/* Descriptors from fd_base on. */
enum { HIGH_SOCKET, HIGH_IMAGE, HIGH_FILES };

struct restored_task *restored_find(const struct restore *r, pid_t vpid);
/* Its index among files, or -1. */
int64_t restored_file_index(const struct restore *r, uint64_t id);

/* ---- compile.c ---- */
struct compile_facts {
	uint64_t vdso_start, vdso_size, vdso_code; /* of the seed */
	bool userns, watch, own_init;
	uint64_t monotonic_lag;
	uint64_t lacking; /* capabilities that the seed does not have */
};
/* Places the arena and writes all programs. */
int compile_all(struct restore *r, const struct compile_facts *facts, struct error *err) NODISCARD;

/* ---- holder.c ---- */
/* Makes the open files in the seed's namespaces and sends them to process 1. */
struct holder_run {
	pid_t pid;
	int sock;
	bool late; /* something waits for all tasks to exist */
};
int holder_start(struct restore *r, const struct restore_request *req, struct holder_run *ret,
		 struct error *err) NODISCARD;
/* Waits until process 1 was sent all that could be made. */
int holder_early(struct holder_run *run, struct error *err) NODISCARD;
/* All tasks exist: the rest is made and sent to those who have it. */
int holder_go_late(struct holder_run *run, struct error *err) NODISCARD;
void holder_end(struct holder_run *run);

/* ---- threads.c ---- */
/* Which host number each thread has by now. */
int threads_find(struct restore *r, const struct restore_request *req, struct error *err) NODISCARD;
/* Those that wait to be watched before their last step are. */
int threads_watch(struct restore *r, const struct restore_request *req, struct error *err)
	NODISCARD;
/* All are stopped, under our trace. */
int threads_stop(struct restore *r, const struct restore_request *req, struct error *err) NODISCARD;
/*
 * It failed. The dead whom we trace are ours to bury: until we have, process 1 does not end, and whoever waits for that
 * waits for us. Kills process 1.
 */
void threads_bury(struct restore *r, const struct restore_request *req);

/* ---- finish.c ---- */
/* All wait in their programs: registers, masks, away with the arena, go. */
int finish_all(struct restore *r, const struct restore_request *req, struct error *err) NODISCARD;
