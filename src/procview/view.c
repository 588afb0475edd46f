/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - see view.h. */
#include "procview/view.h"

#include "sys/viewfs.h"

/* What each view takes beside the kernel's own text, which all do. */
#define NEEDS_cpuinfo	      NEEDS_CPUS
#define NEEDS_diskstats	      NEEDS_IO
#define NEEDS_loadavg	      (NEEDS_TASKS | NEEDS_LOAD)
#define NEEDS_meminfo	      NEEDS_MEMORY
#define NEEDS_pressure_cpu    NEEDS_PRESSURE
#define NEEDS_pressure_io     NEEDS_PRESSURE
#define NEEDS_pressure_memory NEEDS_PRESSURE
#define NEEDS_slabinfo	      0
#define NEEDS_stat	      (NEEDS_TIME | NEEDS_CPUS | NEEDS_USAGE | NEEDS_TASKS)
#define NEEDS_swaps	      NEEDS_MEMORY
#define NEEDS_uptime	      (NEEDS_TIME | NEEDS_CPUS | NEEDS_USAGE)
#define NEEDS_vmstat	      NEEDS_MEMORY
#define NEEDS_threads_max     NEEDS_LIMITS
#define NEEDS_cpu_online      NEEDS_CPUS
#define NEEDS_cpu_present     NEEDS_CPUS

#define ROW(number, name, path, mode) { #name, view_##name, NEEDS_##name | NEEDS_KERNEL },
static const struct view views[VIEWFS_COUNT] = { VIEWFS_FILES(ROW) };
#undef ROW

const struct view *view_find(uint64_t number)
{
	const struct viewfs_file *f = viewfs_find(number);
	return f ? &views[f - viewfs_files] : NULL;
}
