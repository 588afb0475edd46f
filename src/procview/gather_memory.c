/* SPDX-License-Identifier: Apache-2.0 */
/* gather_memory.c - limits and use of memory, of v2 and v1 groups, under the names of v2. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "procview/gather.h"
#include "procview/text.h"

#define V1_NO_LIMIT (UINT64_MAX / 4) /* the kernel's "none" is LONG_MAX cut to whole pages */

static uint64_t number_of(const char *text)
{
	if (str_has_prefix(text, "max"))
		return FACT_UNKNOWN;
	uint64_t v = strtoull(text, NULL, 10);
	return v >= V1_NO_LIMIT ? FACT_UNKNOWN : v;
}

uint64_t gather_least(const struct gatherer *g, const struct cgroup_file *f)
{
	uint64_t least = FACT_UNKNOWN;
	for (unsigned up = 0; g->cg; up++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		/* the root of v2 has no limits; that of v1 has some that limit nothing */
		int r = cgroup_read(g->cg, f, up, &text);
		if (r < 0)
			break;
		uint64_t v = number_of(buf_str(&text));
		least = v < least ? v : least;
	}
	return least;
}

static uint64_t own_number(const struct gatherer *g, const char *v2, const char *v1, int *ret_which)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	const struct cgroup_file f = { "memory", v2, v1 };
	int r = g->cg ? cgroup_read(g->cg, &f, 0, &text) : -ENOENT;
	if (ret_which)
		*ret_which = r;
	return r < 0 ? FACT_UNKNOWN : number_of(buf_str(&text));
}

/* total_NAME of v1 under the name that v2 has for it. */
static void translate_stat(const char *text, struct buf *out)
{
	static const char *const names[][2] = {
		{ "total_cache", "file" },	  { "total_rss", "anon" },
		{ "total_rss_huge", "anon_thp" }, { "total_mapped_file", "file_mapped" },
		{ "total_dirty", "file_dirty" },  { "total_writeback", "file_writeback" },
	};
	struct text_line line;
	while (text_next(&text, &line)) {
		size_t key = text_key(&line, ' ');
		if (key <= 6 || memcmp(line.at, "total_", 6) != 0)
			continue;
		const char *name = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (text_is(&line, key, names[i][0]))
				name = names[i][1];
		if (name)
			buf_puts(out, name);
		else
			buf_add(out, line.at + 6, key - 6);
		buf_add(out, line.at + key, line.size - key);
		buf_putc(out, '\n');
	}
}

static void gather_stat(const struct gatherer *g, struct gathered *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	const struct cgroup_file f = { "memory", "memory.stat", "memory.stat" };
	int r = g->cg ? cgroup_read(g->cg, &f, 0, &text) : -ENOENT;
	if (r < 0)
		return;
	if (r == CGROUP_TEXT_V2)
		buf_add(&ret->memory_stat, buf_str(&text), text.len);
	else
		translate_stat(buf_str(&text), &ret->memory_stat);
	ret->facts.memory_stat = buf_str(&ret->memory_stat);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a == FACT_UNKNOWN || b == FACT_UNKNOWN ? FACT_UNKNOWN : a > b ? a - b : 0;
}

void gather_memory(const struct gatherer *g, struct gathered *ret)
{
	struct facts *f = &ret->facts;
	int which;
	f->memory_usage = own_number(g, "memory.current", "memory.usage_in_bytes", &which);
	if (which < 0)
		return;
	f->memory_limit = gather_least(
		g, &(struct cgroup_file){ "memory", "memory.max", "memory.limit_in_bytes" });
	gather_stat(g, ret);
	if (which == CGROUP_TEXT_V2) {
		f->swap_usage = own_number(g, "memory.swap.current", NULL, NULL);
		f->swap_limit =
			gather_least(g, &(struct cgroup_file){ "memory", "memory.swap.max", NULL });
		return;
	}
	/* v1 counts both together */
	uint64_t both = gather_least(
		g, &(struct cgroup_file){ "memory", NULL, "memory.memsw.limit_in_bytes" });
	f->swap_limit = less(both, f->memory_limit);
	f->swap_usage =
		less(own_number(g, NULL, "memory.memsw.usage_in_bytes", NULL), f->memory_usage);
}
