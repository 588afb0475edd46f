/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.h - the facts about one running container, from outside: its control groups, its processes in /proc, its clocks.
 * Life: gatherer filled in by the caller, gather() for each reading, facts_gathered_done() after it, gatherer_done().
 */
#pragma once

#include <sys/types.h>

#include "container/cgroup/cgroup.h"
#include "procview/facts.h"
#include "procview/view.h"
#include "sys/viewfs.h"

struct gatherer {
	pid_t init;	     /* its first process */
	uint64_t init_start; /* clock ticks: to know it again */
	uint64_t born;	     /* the container's CLOCK_BOOTTIME when it began, ns */
	struct cgroup *cg;   /* NULL: it has none */
	struct viewfs_load *load;
};
void gatherer_done(struct gatherer *g);

/* Texts that the facts point to. */
struct gathered {
	struct facts facts;
	struct buf kernel, memory_stat, io_stat, cpu, io, memory;
};
#define CLEANUP_GATHERED CLEANUP(gathered_done)
void gathered_done(struct gathered *f);

/* reader: who reads, as the container numbers it; he waits for us, but is running. 0, or -errno where the kernel's own
 * file cannot be read. */
int gather(const struct gatherer *g, const char *path, unsigned needs, pid_t reader,
	   struct gathered *ret) NODISCARD;

/* gather_memory.c */
void gather_memory(const struct gatherer *g, struct gathered *ret);

/* The least of the limits of the group and of those above it; FACT_UNKNOWN: none. */
uint64_t gather_least(const struct gatherer *g, const struct cgroup_file *f);

struct task_count {
	uint64_t tasks, running, blocked;
	uint64_t cpu_user, cpu_system; /* of the processes that live, ns */
	pid_t newest;		       /* process, as the machine numbers it */
};
void gather_tasks(const struct gatherer *g, pid_t reader, struct task_count *ret);

/* Time used by all its processes, ns. */
void gather_usage(const struct gatherer *g, uint64_t *ret_user, uint64_t *ret_system);

/* load.c: the averages go on from what they were. now: CLOCK_BOOTTIME; usage: ns. */
void load_catch_up(struct viewfs_load *l, uint64_t now, uint64_t born, uint64_t usage);
/* So many tasks ran or waited for a device in the last moments. */
void load_sample(struct viewfs_load *l, uint64_t now, uint64_t active, uint64_t usage);
uint64_t gather_now(void);
/* CLOCK_BOOTTIME of the machine when the container began. */
uint64_t gather_born(const struct gatherer *g);
