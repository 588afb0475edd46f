/* SPDX-License-Identifier: Apache-2.0 */
/* gather.c - see gather.h. */
#include "procview/gather.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "procview/text.h"
#include "proc/process.h"

#define SECOND	   1000000000u
#define KERNEL_MAX (16 << 20)

void gatherer_done(struct gatherer *g)
{
	cgroup_free(g->cg);
	g->cg = NULL;
}

void gathered_done(struct gathered *f)
{
	struct buf *all[] = {
		&f->kernel, &f->memory_stat, &f->io_stat, &f->cpu, &f->io, &f->memory
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		buf_done(all[i]);
}

/* ---- time ---- */

uint64_t gather_now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

static int read_of(pid_t pid, const char *name, struct buf *out)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return file_read(AT_FDCWD, path, 1 << 16, out);
}

/* How far the container's CLOCK_BOOTTIME is ahead of the machine's: "boottime  -3 5000" (time_namespaces(7)). */
static int64_t clock_offset(pid_t init)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	long long seconds, ns;
	const char *at = read_of(init, "timens_offsets", &text) < 0
				 ? NULL
				 : strstr(buf_str(&text), "boottime");
	if (!at || sscanf(at, "boottime %lld %lld", &seconds, &ns) != 2)
		return 0;
	return (int64_t)seconds * SECOND + ns;
}

uint64_t gather_born(const struct gatherer *g)
{
	return g->born - (uint64_t)clock_offset(g->init);
}

static void gather_time(const struct gatherer *g, struct facts *f)
{
	uint64_t now = gather_now(), born = gather_born(g);
	f->uptime = now > born ? now - born : 0;
	f->wall = (uint64_t)time(NULL);
}

/* ---- processors ---- */

/* Its first process changes nothing about where it may run: that is what the group and its starter said. */
static void gather_mask(const struct gatherer *g, struct facts *f)
{
	_Static_assert(FACTS_MAX_CPUS % (8 * sizeof(unsigned long)) == 0, "whole words");
	memset(f->cpus, 0, sizeof(f->cpus));
	if (sched_getaffinity(g->init, sizeof(f->cpus), (cpu_set_t *)(void *)f->cpus) < 0 &&
	    sched_getaffinity(0, sizeof(f->cpus), (cpu_set_t *)(void *)f->cpus) < 0)
		f->cpus[0] = 1;
}

static uint64_t quota_of(const struct gatherer *g, unsigned up, int *ret)
{
	CLEANUP_BUF struct buf quota = BUF_INIT;
	CLEANUP_BUF struct buf period = BUF_INIT;
	uint64_t a, b;
	*ret = cgroup_read(g->cg, &(struct cgroup_file){ "cpu", "cpu.max", "cpu.cfs_quota_us" }, up,
			   &quota);
	if (*ret == CGROUP_TEXT_V2)
		return sscanf(buf_str(&quota), "%" SCNu64 " %" SCNu64, &a, &b) == 2 && b
			       ? a * 1000 / b
			       : FACT_UNKNOWN;
	if (*ret < 0 ||
	    cgroup_read(g->cg, &(struct cgroup_file){ "cpu", NULL, "cpu.cfs_period_us" }, up,
			&period) < 0)
		return FACT_UNKNOWN;
	long long v = strtoll(buf_str(&quota), NULL, 10);
	b = strtoull(buf_str(&period), NULL, 10);
	return v > 0 && b ? (uint64_t)v * 1000 / b : FACT_UNKNOWN;
}

static void gather_cpus(const struct gatherer *g, struct facts *f)
{
	int r = 0;
	gather_mask(g, f);
	for (unsigned up = 0; g->cg && r >= 0; up++) {
		uint64_t v = quota_of(g, up, &r);
		f->quota = v < f->quota ? v : f->quota;
	}
}

void gather_usage(const struct gatherer *g, uint64_t *ret_user, uint64_t *ret_system)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = g->cg ? cgroup_read(g->cg, &(struct cgroup_file){ "cpuacct", "cpu.stat", NULL }, 0,
				    &text)
		      : -ENOENT;
	*ret_user = *ret_system = 0;
	if (r > 0 && text_find(buf_str(&text), "user_usec", ' ', ret_user) &&
	    text_find(buf_str(&text), "system_usec", ' ', ret_system)) {
		*ret_user *= 1000;
		*ret_system *= 1000;
		return;
	}
	CLEANUP_BUF struct buf user = BUF_INIT;
	CLEANUP_BUF struct buf system = BUF_INIT;
	if (g->cg &&
	    cgroup_read(g->cg, &(struct cgroup_file){ "cpuacct", NULL, "cpuacct.usage_user" }, 0,
			&user) > 0 &&
	    cgroup_read(g->cg, &(struct cgroup_file){ "cpuacct", NULL, "cpuacct.usage_sys" }, 0,
			&system) > 0) {
		*ret_user = strtoull(buf_str(&user), NULL, 10);
		*ret_system = strtoull(buf_str(&system), NULL, 10);
		return;
	}
	struct task_count tasks;
	gather_tasks(g, 0, &tasks);
	*ret_user = tasks.cpu_user;
	*ret_system = tasks.cpu_system;
}

/* ---- tasks ---- */

static void count_state(char state, struct task_count *c)
{
	c->running += state == 'R';
	c->blocked += state == 'D';
}

/* One letter a thread: after the name, which may hold anything. */
static void count_threads(pid_t pid, struct task_count *c)
{
	char path[300];
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	for (struct dirent *de; dir && (de = readdir(dir));) {
		char text[512];
		if (de->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)pid, de->d_name);
		if (file_read_line(AT_FDCWD, path, text, sizeof(text)) <= 0 &&
		    !memchr(text, ')', sizeof(text)))
			continue;
		const char *end = strrchr(text, ')');
		if (end && end[1])
			count_state(end[2], c);
	}
	if (dir)
		closedir(dir);
}

/* Its number inside, as the last of NSpid. */
static pid_t number_inside(pid_t pid)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct proc_process p;
	memset(&p, 0, sizeof(p));
	if (read_of(pid, "status", &text) < 0 || proc_parse_status(buf_str(&text), &p) < 0 ||
	    !p.n_levels)
		return 0;
	return p.nspid[p.n_levels - 1];
}

static void count_process(pid_t pid, pid_t reader, uint64_t *newest, struct task_count *c)
{
	uint64_t ns_per_tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct proc_process p;
	memset(&p, 0, sizeof(p));
	if (read_of(pid, "stat", &text) < 0 || proc_parse_stat(buf_str(&text), &p) < 0)
		return; /* it ended */
	c->tasks += p.threads;
	c->cpu_user += p.utime * ns_per_tick;
	c->cpu_system += p.stime * ns_per_tick;
	if (p.threads > 1)
		count_threads(pid, c);
	else if (p.state == 'D' && reader && number_inside(pid) == reader)
		count_state('R', c); /* what it waits for is us */
	else
		count_state(p.state, c);
	if (p.start > *newest || (p.start == *newest && pid > c->newest)) {
		*newest = p.start;
		c->newest = pid;
	}
}

/* Without groups: who is in its pid namespace. */
static int list_namespace(const struct gatherer *g, pid_t **ret, size_t *ret_n)
{
	uint64_t ns = proc_ns_inode(g->init, "pid");
	DIR *dir = opendir("/proc");
	size_t n = 0, cap = 0;
	for (struct dirent *de; ns && dir && (de = readdir(dir));) {
		uint64_t pid;
		if (parse_u64(de->d_name, 1, INT32_MAX, &pid) < 0 ||
		    proc_ns_inode((pid_t)pid, "pid") != ns)
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			*ret = xrealloc(*ret, cap * sizeof(**ret));
		}
		(*ret)[n++] = (pid_t)pid;
	}
	if (dir)
		closedir(dir);
	*ret_n = n;
	return n ? 0 : -ESRCH;
}

void gather_tasks(const struct gatherer *g, pid_t reader, struct task_count *ret)
{
	pid_t *pids = NULL;
	size_t n = 0;
	uint64_t newest = 0;
	*ret = (struct task_count){ 0 };
	int r = g->cg ? cgroup_pids(g->cg, &pids, &n) : -EOPNOTSUPP;
	if (r < 0)
		r = list_namespace(g, &pids, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		count_process(pids[i], reader, &newest, ret);
	free(pids);
}

/* ---- all ---- */

static void read_group(const struct gatherer *g, const char *controller, const char *v2,
		       struct buf *text, const char **ret)
{
	if (g->cg && cgroup_read(g->cg, &(struct cgroup_file){ controller, v2, NULL }, 0, text) > 0)
		*ret = buf_str(text);
}

/* "8:0 Read 4096" of v1 as a line of io.stat. The first file has bytes, the second requests. */
static void translate_io(const char *text, const char *const words[3], struct buf *out)
{
	struct text_line line;
	while (text_next(&text, &line)) {
		unsigned major, minor;
		char what[16];
		uint64_t n;
		if (sscanf(line.at, "%u:%u %15s %" SCNu64, &major, &minor, what, &n) != 4)
			continue;
		static const char *const kinds[] = { "Read", "Write", "Discard" };
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (strcmp(what, kinds[i]) == 0)
				buf_printf(out, "%u:%u %s=%" PRIu64 "\n", major, minor, words[i],
					   n);
	}
}

static void gather_io(const struct gatherer *g, struct gathered *ret)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_BUF struct buf count = BUF_INIT;
	read_group(g, "io", "io.stat", &ret->io_stat, &ret->facts.io_stat);
	if (ret->facts.io_stat || !g->cg)
		return;
	if (cgroup_read(g->cg,
			&(struct cgroup_file){ "blkio", NULL,
					       "blkio.throttle.io_service_bytes_recursive" },
			0, &bytes) < 0)
		return;
	translate_io(buf_str(&bytes), (const char *const[]){ "rbytes", "wbytes", "dbytes" },
		     &ret->io_stat);
	if (cgroup_read(
		    g->cg,
		    &(struct cgroup_file){ "blkio", NULL, "blkio.throttle.io_serviced_recursive" },
		    0, &count) > 0)
		translate_io(buf_str(&count), (const char *const[]){ "rios", "wios", "dios" },
			     &ret->io_stat);
	ret->facts.io_stat = buf_str(&ret->io_stat);
}

static void gather_all_tasks(const struct gatherer *g, pid_t reader, struct facts *f)
{
	struct task_count c;
	gather_tasks(g, reader, &c);
	f->tasks = c.tasks;
	f->running = c.running;
	f->blocked = c.blocked;
	f->last_pid = c.newest ? (uint64_t)number_inside(c.newest) : 0;
}

static void gather_load(const struct gatherer *g, struct facts *f)
{
	uint64_t user, system;
	gather_usage(g, &user, &system);
	load_catch_up(g->load, gather_now(), gather_born(g), user + system);
	memcpy(f->load, g->load->average, sizeof(f->load));
}

int gather(const struct gatherer *g, const char *path, unsigned needs, pid_t reader,
	   struct gathered *ret)
{
	struct facts *f = &ret->facts;
	facts_init(f);
	int r = file_read(AT_FDCWD, path, KERNEL_MAX, &ret->kernel);
	if (r < 0)
		return r;
	f->kernel = buf_str(&ret->kernel);
	if (needs & NEEDS_TIME)
		gather_time(g, f);
	if (needs & NEEDS_CPUS)
		gather_cpus(g, f);
	if (needs & NEEDS_USAGE)
		gather_usage(g, &f->cpu_user, &f->cpu_system);
	if (needs & NEEDS_TASKS)
		gather_all_tasks(g, reader, f);
	if (needs & NEEDS_LOAD)
		gather_load(g, f);
	if (needs & NEEDS_MEMORY)
		gather_memory(g, ret);
	if (needs & NEEDS_IO)
		gather_io(g, ret);
	if (needs & NEEDS_LIMITS)
		f->tasks_limit =
			gather_least(g, &(struct cgroup_file){ "pids", "pids.max", "pids.max" });
	if (needs & NEEDS_PRESSURE) {
		read_group(g, "cpu", "cpu.pressure", &ret->cpu, &f->pressure_cpu);
		read_group(g, "io", "io.pressure", &ret->io, &f->pressure_io);
		read_group(g, "memory", "memory.pressure", &ret->memory, &f->pressure_memory);
	}
	return 0;
}
