/* SPDX-License-Identifier: Apache-2.0 */
/* precheck.c - see precheck.h. */
#include "container/cgroup/precheck.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"
#include "container/cgroup/convert.h"
#include "container/cgroup/watch.h"

/* How much of the anonymous memory can still go to swap. */
static uint64_t swap_room(int fd, uint64_t anon)
{
	uint64_t max = 0, used = 0;
	CLEANUP_BUF struct buf info = BUF_INIT;
	(void)watch_read_u64(fd, "memory.swap.max", &max);
	(void)watch_read_u64(fd, "memory.swap.current", &used);
	if (max <= used || file_read(AT_FDCWD, "/proc/meminfo", 1 << 16, &info) < 0)
		return 0;
	const char *line = strstr(buf_str(&info), "SwapFree:"); /* "SwapFree:     12 kB" */
	uint64_t free_bytes = line ? strtoull(line + strlen("SwapFree:"), NULL, 10) * 1024 : 0;
	return MIN(MIN(free_bytes, max - used), anon);
}

/* What the group would still hold after the kernel has taken back all it can; strict: what it uses. */
static int memory_held(int fd, bool strict, uint64_t *ret)
{
	static const char *const reclaimable[] = { "inactive_file", "active_file",
						   "slab_reclaimable" };
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = watch_read_u64(fd, "memory.current", ret);
	if (r == 0 && !strict)
		r = file_read(fd, "memory.stat", 1 << 16, &text);
	if (r < 0 || strict)
		return r;
	uint64_t anon = 0;
	(void)watch_find_key(buf_str(&text), "anon", &anon);
	uint64_t less = swap_room(fd, anon);
	for (size_t i = 0; i < ARRAY_SIZE(reclaimable); i++) {
		uint64_t n = 0;
		(void)watch_find_key(buf_str(&text), reclaimable[i], &n);
		less += n;
	}
	*ret -= MIN(less, *ret);
	return 0;
}

static int check_memory(const struct setting *s, const struct group *g, bool strict,
			struct error *err)
{
	uint64_t limit, held;
	if (parse_u64(s->value, 0, UINT64_MAX, &limit) < 0 ||
	    memory_held(g->fd, strict, &held) < 0 || held <= limit)
		return 0;
	error_set(err, EBUSY, "%s %s is less than the %" PRIu64 " bytes that the container %s now",
		  s->limit, s->given, held, strict ? "uses" : "holds");
	error_object(err, "%s/%s", g->dir, s->file);
	return error_hint(err, "give more, or end some of its processes first");
}

static int check_cpuset(const struct setting *s, const struct group *g, struct error *err)
{
	CLEANUP_STR char *path = xasprintf("%s/../%s.effective", g->dir, s->file);
	CLEANUP_BUF struct buf have = BUF_INIT;
	if (file_read(AT_FDCWD, path, 1 << 16, &have) < 0 ||
	    cpulist_is_subset(s->value, buf_str(&have)))
		return 0;
	if (have.len && have.data[have.len - 1] == '\n')
		have.data[--have.len] = '\0';
	error_set(err, ERANGE, "%s %s is not among those of the group above (%s)", s->limit,
		  s->given, buf_str(&have));
	error_object(err, "%s/%s", g->dir, s->file);
	return error_hint(err, "%s", s->hint);
}

int precheck_settings(const struct settings *s, const struct cgroup *cg, bool fresh, bool strict,
		      struct error *err)
{
	const struct group *g = cgroup_group_v2(cg);
	for (size_t i = 0; g && i < s->n; i++) {
		const struct setting *one = &s->v[i];
		int r = 0;
		if (one->v2 && !fresh && !strcmp(one->file, "memory.max"))
			r = check_memory(one, g, strict, err);
		else if (one->v2 && one->ctl == CTL_CPUSET && one->hint)
			r = check_cpuset(one, g, err);
		if (r < 0)
			return r;
	}
	return 0;
}
