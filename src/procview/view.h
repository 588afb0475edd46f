/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - the table of views: which file shows what, and which facts that takes. One file a view; each appends the whole
 * text to out and returns 0, or 1: the kernel's own text is right (nothing was appended then).
 */
#pragma once

#include "procview/facts.h"

enum view_needs {
	NEEDS_KERNEL = 1, /* facts.kernel */
	NEEDS_TIME = 2,
	NEEDS_CPUS = 4,
	NEEDS_USAGE = 8, /* of processors */
	NEEDS_TASKS = 16,
	NEEDS_LOAD = 32,
	NEEDS_MEMORY = 64,
	NEEDS_IO = 128,
	NEEDS_PRESSURE = 256,
	NEEDS_LIMITS = 512,
};

typedef int view_fn(const struct facts *f, struct buf *out);

struct view {
	const char *name;
	view_fn *fn;
	unsigned needs; /* enum view_needs */
};

/* By its number in sys/viewfs.h; NULL when there is none. */
const struct view *view_find(uint64_t number);

view_fn view_cpuinfo, view_diskstats, view_loadavg, view_meminfo, view_pressure_cpu,
	view_pressure_io, view_pressure_memory, view_slabinfo, view_stat, view_swaps, view_uptime,
	view_vmstat, view_threads_max, view_cpu_online, view_cpu_present;
