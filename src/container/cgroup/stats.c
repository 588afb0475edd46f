/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - what a container has used: from the v2 files, the v1 files, and where no controller counts,
 * from its processes. cpu.stat of v2 counts time even without a controller (Linux 4.15).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "container/cgroup/group.h"
#include "container/cgroup/watch.h"
#include "proc/process.h"

#define STATS_MAX (1 << 20)

/* ---- tables: key in a file -> field ---- */

struct counter {
	const char *key; /* NULL: the file is one number */
	size_t offset;
	uint64_t unit; /* one of the file's is so many of ours */
};
#define AT(field) offsetof(struct cgroup_stats, field)

static uint64_t *field_at(struct cgroup_stats *st, size_t offset)
{
	return (uint64_t *)(void *)((char *)st + offset);
}

/* Takes the counters that are there out of one file. 0, or -errno when there is no such file. */
static int read_counters(const struct group *g, const char *file, const struct counter *c, size_t n,
			 struct cgroup_stats *st)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = g ? file_read(g->fd, file, STATS_MAX, &text) : -ENOENT;
	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t v;
		if (watch_find_key(buf_str(&text), c[i].key, &v) == 0)
			*field_at(st, c[i].offset) = v * c[i].unit;
	}
	return r;
}

static int read_number(const struct group *g, const char *file, uint64_t *ret)
{
	return g ? watch_read_u64(g->fd, file, ret) : -ENOENT;
}

static void mark(struct cgroup_stats *st, int r, unsigned bits)
{
	if (r == 0)
		st->missing &= ~bits;
}

static const struct counter cpu_v2[] = {
	{ "usage_usec", AT(cpu_usage_ns), 1000 },
	{ "user_usec", AT(cpu_user_ns), 1000 },
	{ "system_usec", AT(cpu_system_ns), 1000 },
	{ "nr_periods", AT(cpu_periods), 1 },
	{ "nr_throttled", AT(cpu_throttled_periods), 1 },
	{ "throttled_usec", AT(cpu_throttled_ns), 1000 },
};
static const struct counter cpu_v1[] = {
	{ "nr_periods", AT(cpu_periods), 1 },
	{ "nr_throttled", AT(cpu_throttled_periods), 1 },
	{ "throttled_time", AT(cpu_throttled_ns), 1 },
};
static const struct counter memory_v2[] = { { "file", AT(memory_file), 1 } };
static const struct counter memory_v1[] = { { "total_cache", AT(memory_file), 1 } };
static const struct counter oom_v2[] = { { "oom_kill", AT(oom_kills), 1 } };

/* ---- v2 ---- */

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." summed over the devices. */
static int read_io_v2(const struct group *g, struct cgroup_stats *st)
{
	static const struct counter words[] = {
		{ "rbytes=", AT(io_read_bytes), 1 },
		{ "wbytes=", AT(io_write_bytes), 1 },
		{ "rios=", AT(io_reads), 1 },
		{ "wios=", AT(io_writes), 1 },
	};
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(g->fd, "io.stat", STATS_MAX, &text);
	char *save, *word = r == 0 && text.len ? strtok_r(text.data, " \n", &save) : NULL;
	for (; word; word = strtok_r(NULL, " \n", &save))
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (str_has_prefix(word, words[i].key))
				*field_at(st, words[i].offset) +=
					strtoull(word + strlen(words[i].key), NULL, 10);
	return r;
}

static void read_v2(const struct group *g, struct cgroup_stats *st)
{
	int r = read_counters(g, "cpu.stat", cpu_v2, ARRAY_SIZE(cpu_v2), st);
	mark(st, r,
	     CGROUP_STATS_CPU |
		     (faccessat(g->fd, "cpu.max", F_OK, 0) == 0 ? CGROUP_STATS_THROTTLE : 0));
	r = read_number(g, "memory.current", &st->memory_usage);
	mark(st, r, CGROUP_STATS_MEMORY);
	if (r == 0) {
		(void)read_number(g, "memory.max", &st->memory_limit);
		(void)read_number(g, "memory.swap.current", &st->memory_swap);
		(void)read_counters(g, "memory.stat", memory_v2, ARRAY_SIZE(memory_v2), st);
		(void)read_counters(g, "memory.events", oom_v2, ARRAY_SIZE(oom_v2), st);
		r = read_number(g, "memory.peak", &st->memory_peak); /* Linux 5.19 */
		mark(st, r, CGROUP_STATS_PEAK);
	}
	r = read_number(g, "pids.current", &st->pids);
	mark(st, r, CGROUP_STATS_PIDS);
	if (r == 0)
		(void)read_number(g, "pids.max", &st->pids_limit);
	mark(st, read_io_v2(g, st), CGROUP_STATS_IO_BYTES | CGROUP_STATS_IO_COUNT);
}

/* ---- v1: a container has only the groups that its limits asked for ---- */

#define V1_NO_LIMIT (UINT64_MAX / 4) /* the kernel's "none" is LONG_MAX cut to whole pages */

/* "8:0 Read 4096", "8:0 Write 0", ..., "Total 4096" */
static int read_io_v1(const struct group *g, const char *file, uint64_t *reads, uint64_t *writes)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(g->fd, file, STATS_MAX, &text);
	char *save, *line = r == 0 && text.len ? strtok_r(text.data, "\n", &save) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		char what[16];
		uint64_t n;
		if (sscanf(line, "%*s %15s %" SCNu64, what, &n) != 2)
			continue;
		if (!strcmp(what, "Read"))
			*reads += n;
		else if (!strcmp(what, "Write"))
			*writes += n;
	}
	return r;
}

static void read_memory_v1(const struct group *g, struct cgroup_stats *st)
{
	uint64_t both = 0;
	int r = read_number(g, "memory.usage_in_bytes", &st->memory_usage);
	mark(st, r, CGROUP_STATS_MEMORY);
	if (r < 0)
		return;
	(void)read_number(g, "memory.limit_in_bytes", &st->memory_limit);
	if (st->memory_limit >= V1_NO_LIMIT)
		st->memory_limit = UINT64_MAX;
	if (read_number(g, "memory.memsw.usage_in_bytes", &both) == 0)
		st->memory_swap = both > st->memory_usage ? both - st->memory_usage : 0;
	(void)read_counters(g, "memory.stat", memory_v1, ARRAY_SIZE(memory_v1), st);
	(void)read_counters(g, "memory.oom_control", oom_v2, ARRAY_SIZE(oom_v2), st);
	mark(st, read_number(g, "memory.max_usage_in_bytes", &st->memory_peak), CGROUP_STATS_PEAK);
}

static void read_v1(const struct cgroup *cg, struct cgroup_stats *st)
{
	const struct group *g = cgroup_group_v1(cg, CTL_CPU);
	mark(st, read_counters(g, "cpu.stat", cpu_v1, ARRAY_SIZE(cpu_v1), st),
	     CGROUP_STATS_THROTTLE);
	g = cgroup_group_v1(cg, CTL_CPUACCT);
	if (read_number(g, "cpuacct.usage", &st->cpu_usage_ns) == 0) {
		(void)read_number(g, "cpuacct.usage_user", &st->cpu_user_ns);
		(void)read_number(g, "cpuacct.usage_sys", &st->cpu_system_ns);
		mark(st, 0, CGROUP_STATS_CPU);
	}
	g = cgroup_group_v1(cg, CTL_MEMORY);
	if (g)
		read_memory_v1(g, st);
	g = cgroup_group_v1(cg, CTL_PIDS);
	mark(st, read_number(g, "pids.current", &st->pids), CGROUP_STATS_PIDS);
	(void)read_number(g, "pids.max", &st->pids_limit);
	g = cgroup_group_v1(cg, CTL_IO);
	if (g) {
		int r = read_io_v1(g, "blkio.throttle.io_service_bytes_recursive",
				   &st->io_read_bytes, &st->io_write_bytes);
		mark(st, r, CGROUP_STATS_IO_BYTES);
		r = read_io_v1(g, "blkio.throttle.io_serviced_recursive", &st->io_reads,
			       &st->io_writes);
		mark(st, r, CGROUP_STATS_IO_COUNT);
	}
}

/* ---- processes ---- */

#define SUMMED (CGROUP_STATS_CPU | CGROUP_STATS_MEMORY | CGROUP_STATS_PIDS | CGROUP_STATS_IO_BYTES)

static int read_proc_file(pid_t pid, const char *name, struct buf *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	buf_reset(text);
	return file_read(AT_FDCWD, path, 1 << 16, text);
}

/* "read_bytes: 4096" */
static uint64_t io_line(const char *text, const char *key)
{
	const char *p = strstr(text, key);
	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

static void add_process(pid_t pid, unsigned want, struct cgroup_stats *st)
{
	uint64_t ns_per_tick = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct proc_process p;
	memset(&p, 0, sizeof(p));
	if (read_proc_file(pid, "stat", &text) < 0 || proc_parse_stat(buf_str(&text), &p) < 0)
		return; /* it ended */
	if (want & CGROUP_STATS_CPU) {
		st->cpu_user_ns += p.utime * ns_per_tick;
		st->cpu_system_ns += p.stime * ns_per_tick;
		st->cpu_usage_ns += (p.utime + p.stime) * ns_per_tick;
	}
	if (want & CGROUP_STATS_PIDS)
		st->pids += p.threads;
	/* rss in stat is rounded per CPU; statm is exact: "size resident shared ..." in pages */
	unsigned long long resident, shared;
	if ((want & CGROUP_STATS_MEMORY) && read_proc_file(pid, "statm", &text) == 0 &&
	    sscanf(buf_str(&text), "%*u %llu %llu", &resident, &shared) == 2) {
		uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
		st->memory_usage += resident * page;
		st->memory_file += shared * page;
	}
	if ((want & CGROUP_STATS_IO_BYTES) && read_proc_file(pid, "io", &text) == 0) {
		st->io_read_bytes += io_line(buf_str(&text), "\nread_bytes: ");
		st->io_write_bytes += io_line(buf_str(&text), "\nwrite_bytes: ");
	}
}

static int sum_processes(const struct cgroup *cg, struct cgroup_stats *st, struct error *err)
{
	unsigned want = st->missing & SUMMED;
	pid_t *pids = NULL;
	size_t n = 0;
	int r = want ? cgroup_pids(cg, &pids, &n) : 0;
	if (r < 0) {
		free(pids);
		error_sys(err, -r, "cannot list the container's processes");
		const struct group *g = cgroup_group_main(cg);
		return error_object(err, "%s", g ? g->dir : "no control group");
	}
	for (size_t i = 0; i < n; i++)
		add_process(pids[i], want, st);
	free(pids);
	st->from_processes = want != 0;
	st->missing &= ~want;
	return 0;
}

int cgroup_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	struct cgroup_stats st = { .memory_limit = UINT64_MAX,
				   .pids_limit = UINT64_MAX,
				   .missing = CGROUP_STATS_CPU | CGROUP_STATS_THROTTLE |
					      CGROUP_STATS_MEMORY | CGROUP_STATS_PEAK |
					      CGROUP_STATS_PIDS | CGROUP_STATS_IO_BYTES |
					      CGROUP_STATS_IO_COUNT };
	const struct group *g = cgroup_group_v2(cg);
	if (g)
		read_v2(g, &st);
	read_v1(cg, &st);
	int r = sum_processes(cg, &st, err);
	if (r == 0)
		*ret = st;
	return r;
}
