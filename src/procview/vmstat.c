/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmstat.c - /proc/vmstat: the kernel's lines with the group's numbers, 0 where it has none. Numbers of pages are told from
 * memory.stat, which counts bytes; events have the same names there.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "procview/text.h"
#include "procview/view.h"

static const struct {
	const char *line, *of;
} pages[] = {
	{ "nr_zone_inactive_anon", "inactive_anon" },
	{ "nr_zone_active_anon", "active_anon" },
	{ "nr_zone_inactive_file", "inactive_file" },
	{ "nr_zone_active_file", "active_file" },
	{ "nr_zone_unevictable", "unevictable" },
	{ "nr_inactive_anon", "inactive_anon" },
	{ "nr_active_anon", "active_anon" },
	{ "nr_inactive_file", "inactive_file" },
	{ "nr_active_file", "active_file" },
	{ "nr_unevictable", "unevictable" },
	{ "nr_slab_reclaimable", "slab_reclaimable" },
	{ "nr_slab_unreclaimable", "slab_unreclaimable" },
	{ "nr_anon_pages", "anon" },
	{ "nr_mapped", "file_mapped" },
	{ "nr_file_pages", "file" },
	{ "nr_dirty", "file_dirty" },
	{ "nr_writeback", "file_writeback" },
	{ "nr_shmem", "shmem" },
	{ "nr_page_table_pages", "pagetables" },
	{ "nr_swapcached", "swapcached" },
};

static uint64_t value_of(const struct facts *f, const char *name)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (strcmp(name, "nr_free_pages") == 0)
		return f->memory_limit == FACT_UNKNOWN || f->memory_limit < f->memory_usage
			       ? 0
			       : (f->memory_limit - f->memory_usage) / page;
	if (strcmp(name, "nr_kernel_stack") == 0)
		return facts_memory(f, "kernel_stack") / 1024;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (strcmp(name, pages[i].line) == 0)
			return facts_memory(f, pages[i].of) / page;
	return facts_memory(f, name);
}

int view_vmstat(const struct facts *f, struct buf *out)
{
	const char *text = f->kernel;
	struct text_line line;

	if (!f->memory_stat)
		return 1;
	while (text_next(&text, &line)) {
		char name[64];
		size_t key = text_key(&line, ' ');
		if (key >= sizeof(name))
			continue;
		memcpy(name, line.at, key);
		name[key] = '\0';
		buf_printf(out, "%s %" PRIu64 "\n", name, value_of(f, name));
	}
	return 0;
}
