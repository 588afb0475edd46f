/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meminfo.c - /proc/meminfo: where memory is limited, the limit is the total, and what the group uses is what is used. Where
 * it is not, what can be had is what the machine has: the kernel's own text.
 */
#include <inttypes.h>
#include <string.h>

#include "procview/text.h"
#include "procview/view.h"

/* Lines that are sums of what memory.stat counts. */
static const struct {
	const char *line, *of[3];
} sums[] = {
	{ "Cached", { "file" } },
	{ "SwapCached", { "swapcached" } },
	{ "Active", { "active_anon", "active_file" } },
	{ "Inactive", { "inactive_anon", "inactive_file" } },
	{ "Active(anon)", { "active_anon" } },
	{ "Inactive(anon)", { "inactive_anon" } },
	{ "Active(file)", { "active_file" } },
	{ "Inactive(file)", { "inactive_file" } },
	{ "Unevictable", { "unevictable" } },
	{ "Dirty", { "file_dirty" } },
	{ "Writeback", { "file_writeback" } },
	{ "AnonPages", { "anon" } },
	{ "Mapped", { "file_mapped" } },
	{ "Shmem", { "shmem" } },
	{ "KReclaimable", { "slab_reclaimable" } },
	{ "Slab", { "slab_reclaimable", "slab_unreclaimable" } },
	{ "SReclaimable", { "slab_reclaimable" } },
	{ "SUnreclaim", { "slab_unreclaimable" } },
	{ "KernelStack", { "kernel_stack" } },
	{ "PageTables", { "pagetables" } },
	{ "SecPageTables", { "sec_pagetables" } },
	{ "Percpu", { "percpu" } },
	{ "AnonHugePages", { "anon_thp" } },
	{ "FileHugePages", { "file_thp" } },
	{ "ShmemHugePages", { "shmem_thp" } },
	{ "Zswap", { "zswap" } },
	{ "Zswapped", { "zswapped" } },
	/* nobody counts these for a group */
	{ "Buffers", { NULL } },
	{ "Mlocked", { NULL } },
	{ "NFS_Unstable", { NULL } },
	{ "Bounce", { NULL } },
	{ "WritebackTmp", { NULL } },
	{ "FilePmdMapped", { NULL } },
	{ "ShmemPmdMapped", { NULL } },
	{ "Committed_AS", { "anon" } },
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t available(const struct facts *f)
{
	uint64_t cache = facts_memory(f, "active_file") + facts_memory(f, "inactive_file") +
			 facts_memory(f, "slab_reclaimable");
	return above(f->memory_limit, f->memory_usage) + least(cache, f->memory_usage);
}

/* In bytes; the kernel's own where the group has no limit. */
static uint64_t swap_total(const struct facts *f)
{
	uint64_t machine = 0;
	(void)text_find(f->kernel, "SwapTotal", ':', &machine);
	return least(f->swap_limit, machine * 1024);
}

static bool value_of(const struct facts *f, const struct text_line *line, size_t key, uint64_t *ret)
{
	const struct {
		const char *line;
		uint64_t value;
	} own[] = {
		{ "MemTotal", f->memory_limit },
		{ "MemFree", above(f->memory_limit, f->memory_usage) },
		{ "MemAvailable", available(f) },
		{ "SwapTotal", swap_total(f) },
		{ "SwapFree", f->swap_usage == FACT_UNKNOWN ? swap_total(f)
							    : above(swap_total(f), f->swap_usage) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (text_is(line, key, own[i].line)) {
			*ret = own[i].value;
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		if (!text_is(line, key, sums[i].line))
			continue;
		*ret = 0;
		for (size_t k = 0; k < ARRAY_SIZE(sums[i].of) && sums[i].of[k]; k++)
			*ret += facts_memory(f, sums[i].of[k]);
		return true;
	}
	return false;
}

int view_meminfo(const struct facts *f, struct buf *out)
{
	const char *text = f->kernel;
	struct text_line line;

	if (!facts_memory_limited(f, f->kernel))
		return 1;
	while (text_next(&text, &line)) {
		size_t key = text_key(&line, ':');
		uint64_t value;
		if (!value_of(f, &line, key, &value)) {
			buf_add(out, line.at, line.size);
			buf_putc(out, '\n');
			continue;
		}
		char name[64];
		key = key < sizeof(name) - 2 ? key : sizeof(name) - 2;
		memcpy(name, line.at, key);
		name[key] = ':';
		name[key + 1] = '\0';
		buf_printf(out, "%-16s%8" PRIu64 " kB\n", name, value / 1024);
	}
	return 0;
}
