/* SPDX-License-Identifier: Apache-2.0 */
/* dump_state.h - one dump, for the files of this room: dump.c (the order), tasks.c, filters.c, visit.c, files.c, checks.c. */
#pragma once

#include "checkpoint/dump/request.h"
#include "checkpoint/inject/arena_map.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/task_kind.h"
#include "checkpoint/kind/task_record.h"
#include "checkpoint/memory/memory.h"
#include "checkpoint/tree/tree.h"

#define VISIT_MAX_KINDS 64

/* A thread while it is dumped. */
struct dumped_thread {
	struct tracee *tracee;
	struct task_facts facts;
	struct program visit; /* what it was asked */
	bool has_visit;
	void *cookies[VISIT_MAX_KINDS]; /* one a kind, in the order of task_kinds[] */
};

/* A process while it is dumped; a zombie has no threads. */
struct dumped_task {
	struct task_record record;
	pid_t pid; /* host */
	pid_t host_ppid;
	struct dumped_thread *threads;
	size_t n_threads;
	struct arena_map visit_map;
	uint64_t visit_base; /* where its memory for programs was; 0: none */
	uint64_t brk;
	uint64_t brk_answer;
};

/* An open file between its first look and its records. */
struct dumped_file {
	struct file_facts *facts;
	const struct file_kind *kind; /* NULL: external */
	const char *external;
	void *record;
	bool refused;
};

struct dump_state {
	const struct dump_request *req;
	struct collect c;
	struct tracees tracees;
	struct dumped_task *tasks;
	size_t n_tasks;
	struct tree tree;
	struct memory_dump *memory;
	struct dumped_file *files; /* in the order of collecting */
	size_t n_files;
	bool drained;
	bool unaskable; /* somebody would die of our questions: nobody is asked */
};

/* ---- tasks.c ---- */
/* What /proc tells of every process and thread. */
int tasks_read(struct dump_state *d, struct error *err) NODISCARD;
/* Records of all kinds, of threads, of processes. */
int tasks_collect(struct dump_state *d, struct error *err) NODISCARD;
struct dumped_task *tasks_find(struct dump_state *d, pid_t vpid);

/* ---- filters.c ---- */
/* Seccomp filters that we can neither suspend nor judge: refused, and d->unaskable. */
int filters_check(struct dump_state *d, struct error *err) NODISCARD;
/* The same for what is to be run in a thread. */
int filters_check_program(struct dump_state *d, const struct dumped_thread *th) NODISCARD;

/* ---- visit.c ---- */
/* Asks every thread, from within, what only it knows. */
int visit_all(struct dump_state *d, struct error *err) NODISCARD;
void visit_done(struct dump_state *d);

/* ---- files.c ---- */
/* Tables of descriptors, directories; fills in the tasks' ids. */
int files_tables(struct dump_state *d, struct error *err) NODISCARD;
/* All open files found so far and those that they lead to. */
int files_collect(struct dump_state *d, struct error *err) NODISCARD;
/* The last step, when nothing can refuse any more: kinds that must destroy what they take. */
int files_drain(struct dump_state *d, struct error *err) NODISCARD;
/* The dump has failed after all: puts back what of it can be. */
void files_undrain(struct dump_state *d);

/* ---- checks.c ---- */
/* What of the tasks cannot be carried whatever the kinds say: namespaces of their own, another's tracer ... */
int checks_tasks(struct dump_state *d, struct error *err) NODISCARD;
