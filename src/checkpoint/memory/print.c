/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - address spaces for people, see memory.h. */
#include <inttypes.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "checkpoint/memory/space.h"

uint64_t memory_bytes(const struct memory *m)
{
	uint64_t pages = 0;
	for (size_t i = 0; i < m->n_pages; i++)
		pages += m->pages[i].n;
	return pages * SPACE_PAGE;
}

static uint64_t mapping_bytes(const struct memory *m, const struct mapping_record *map)
{
	uint64_t bytes = 0;
	for (size_t i = memory_pages_from(m, map->start);
	     i < m->n_pages && m->pages[i].address < map->end; i++) {
		uint64_t end = m->pages[i].address + m->pages[i].n * SPACE_PAGE;
		bytes += MIN(end, map->end) - MAX(m->pages[i].address, map->start);
	}
	return bytes;
}

/* Names come from an image: nothing of them shall reach a terminal but letters. */
static void print_name(const char *name, struct buf *out)
{
	buf_puts(out, "  [anon:");
	for (; *name; name++)
		buf_putc(out, *name >= ' ' && *name < 0x7f ? *name : '?');
	buf_putc(out, ']');
}

static void print_mapping(const struct memory *mem, const struct mapping_record *m, struct buf *out)
{
	buf_printf(out, "%012" PRIx64 "-%012" PRIx64 " %c%c%c%c %8" PRIu64 " KiB", m->start, m->end,
		   m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-',
		   m->prot & PROT_EXEC ? 'x' : '-', m->flags & MAPPING_SHARED ? 's' : 'p',
		   (m->end - m->start) / 1024);
	uint64_t bytes = mapping_bytes(mem, m);
	if (bytes)
		buf_printf(out, "  %" PRIu64 " KiB in the image", bytes / 1024);
	if (m->file)
		buf_printf(out, "  file %" PRIu64 " at %" PRIx64, m->file, m->offset);
	for (const struct mapping_flag_row *row = mapping_flag_rows; row->flag; row++)
		if (m->flags & row->flag)
			buf_printf(out, " %s", row->name);
	if (m->name)
		print_name(m->name, out);
	buf_putc(out, '\n');
}

void memory_print(const struct memory *m, struct buf *out)
{
	for (size_t i = 0; i < m->n_maps; i++)
		print_mapping(m, &m->maps[i], out);
	if (m->vdso.record)
		buf_printf(out, "%012" PRIx64 "-%012" PRIx64 " r-xp the kernel's own%s\n",
			   m->vdso.start, m->vdso.start + vdso_area_size(m->vdso.record),
			   m->vdso.stale ? ", of another kernel" : "");
}
