/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what the views of /proc tell of: plain data about one container and the machine it runs on.
 *
 * A view is a pure function of it; who gathers it is gather.h. What is not known (no controller counts it) is NULL, or
 * FACT_UNKNOWN, and the view then shows what the kernel does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

#define FACTS_MAX_CPUS 4096
#define FACT_UNKNOWN   UINT64_MAX

struct facts {
	const char *kernel; /* the text of the kernel's own file */
	/* time, in ns; wall: seconds since 1970 */
	uint64_t uptime;
	uint64_t wall;
	/* processors */
	uint64_t cpus[FACTS_MAX_CPUS / 64]; /* those that it may use, as bits */
	uint64_t quota; /* thousandths of a processor; FACT_UNKNOWN: all it may use */
	uint64_t cpu_user, cpu_system; /* used, ns */
	/* tasks */
	uint64_t tasks, running, blocked;
	uint64_t last_pid;
	uint64_t tasks_limit;
	double load[3];
	/* memory, in bytes */
	uint64_t memory_limit, memory_usage;
	uint64_t swap_limit, swap_usage;
	const char *memory_stat; /* lines "name value", the names of cgroup v2 */
	/* devices: lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
	const char *io_stat;
	/* the group's own pressure, in the form of /proc/pressure */
	const char *pressure_cpu, *pressure_io, *pressure_memory;
};

/* Nothing is known. */
void facts_init(struct facts *f);

/* How many processors it sees: those it may use, or fewer by its quota; 1 at least. */
size_t facts_cpus(const struct facts *f);
/* Whether it sees this one: the first of those it may use. */
bool facts_has_cpu(const struct facts *f, uint64_t cpu);
static inline bool facts_may_use(const struct facts *f, uint64_t cpu)
{
	return cpu < FACTS_MAX_CPUS && (f->cpus[cpu / 64] >> (cpu % 64)) & 1;
}

/* The number after name in memory_stat, 0 when there is none. */
uint64_t facts_memory(const struct facts *f, const char *name);

/* Whether memory is limited to less than the machine has (kernel: the text of its meminfo). */
bool facts_memory_limited(const struct facts *f, const char *meminfo);
