/* SPDX-License-Identifier: Apache-2.0 */
/* pagemap.c - see pagemap.h. The ioctl is of <linux/fs.h> of Linux 6.7 and written out here. */
#include "checkpoint/memory/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define PAGE	    4096u
#define REGIONS_MAX 4096
#define ENTRIES_MAX 16384 /* 128 KiB: 64 MiB of address space a read */

struct scan_args {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOC      _IOWR('f', 16, struct scan_args)
#define SCAN_FILE     (1ull << 2)
#define SCAN_PRESENT  (1ull << 3)
#define SCAN_SWAPPED  (1ull << 4)
#define SCAN_PFNZERO  (1ull << 5)
#define SCAN_GUARD    (1ull << 8)
#define SCAN_OUR_MASK (SCAN_FILE | SCAN_PFNZERO)

/* Bits of an entry of pagemap. */
#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_SWAPPED (1ull << 62)
#define ENTRY_FILE    (1ull << 61)
#define ENTRY_ALONE   (1ull << 56)
#define ENTRY_GUARD   (1ull << 58)
#define ENTRY_FRAME   ((1ull << 55) - 1)

/* ---- PAGEMAP_SCAN ---- */

/*
 * Own pages: neither of a file nor the zero page, and present, swapped or (which counts as swapped)
 * a guard.
 */
static int scan(const struct pagemap *pm, uint64_t start, uint64_t end, struct page_region *v,
		size_t room, uint64_t *ret_walked)
{
	struct scan_args args = {
		.size = sizeof(args),
		.start = start,
		.end = end,
		.vec = (uint64_t)(uintptr_t)v,
		.vec_len = room,
		.category_inverted = SCAN_OUR_MASK,
		.category_mask = SCAN_OUR_MASK,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = pm->guard ? SCAN_GUARD : SCAN_PRESENT, /* something must be */
	};
	int n = ioctl(pm->fd, SCAN_IOC, &args);
	if (n < 0)
		return -errno;
	*ret_walked = args.walk_end;
	return n;
}

/* A kernel refuses categories that it does not know. An empty range is enough to be told. */
static void scan_probe(struct pagemap *pm)
{
	uint64_t walked;
	struct page_region v;
	pm->guard = true;
	pm->scan = scan(pm, PAGE, (uint64_t)2 * PAGE, &v, 1, &walked) >= 0;
	if (pm->scan)
		return;
	pm->guard = false;
	pm->scan = scan(pm, PAGE, (uint64_t)2 * PAGE, &v, 1, &walked) >= 0;
}

static int scan_more(struct pagemap *pm, uint64_t from)
{
	uint64_t walked, start = MAX(from, pm->scanned);
	int n = scan(pm, start, pm->limit, pm->v, REGIONS_MAX, &walked);
	if (n < 0)
		return n;
	pm->at = 0;
	pm->n = (size_t)n;
	pm->scanned = n < REGIONS_MAX ? pm->limit : walked;
	if (pm->scanned <= start) /* cannot be */
		return -EIO;
	return 0;
}

/* ---- reading entries ---- */

static int entries_read(const struct pagemap *pm, uint64_t start, size_t n, uint64_t *entries)
{
	ssize_t size = (ssize_t)(n * sizeof(*entries));
	ssize_t got =
		pread(pm->fd, entries, (size_t)size, (off_t)(start / PAGE * sizeof(*entries)));
	if (got < 0)
		return -errno;
	/* behind the end of the address space there is nothing */
	memset((char *)entries + got, 0, (size_t)(size - got));
	return 0;
}

/*
 * 0: not ours, 1: an own page, 2: a guard (which is told since 6.15; before, it looks swapped and
 * cannot be read)
 */
static int entry_kind(uint64_t entry)
{
	if (!(entry & (ENTRY_PRESENT | ENTRY_SWAPPED)) || entry & ENTRY_FILE)
		return 0;
	return entry & ENTRY_SWAPPED && entry & ENTRY_GUARD ? 2 : 1;
}

static int read_more(struct pagemap *pm, uint64_t from, uint64_t to)
{
	uint64_t start = MAX(from, pm->scanned);
	size_t pages = (size_t)MIN((to - start) / PAGE, (uint64_t)ENTRIES_MAX);
	int r = entries_read(pm, start, pages, pm->entries);
	if (r < 0)
		return r;
	pm->at = pm->n = 0;
	size_t i = 0;
	for (; i < pages; i++) {
		int kind = entry_kind(pm->entries[i]);
		uint64_t address = start + i * PAGE;
		struct page_region *last = pm->n ? &pm->v[pm->n - 1] : NULL;
		uint64_t categories = kind == 2 ? SCAN_GUARD : 0;
		if (kind && last && last->end == address && last->categories == categories)
			last->end += PAGE;
		else if (kind && pm->n == REGIONS_MAX)
			break;
		else if (kind)
			pm->v[pm->n++] =
				(struct page_region){ address, address + PAGE, categories };
	}
	pm->scanned = start + i * PAGE;
	return 0;
}

/* ---- what others call ---- */

int pagemap_open(int proc, pid_t pid, uint64_t limit, struct pagemap *ret)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/pagemap", (int)pid);
	struct pagemap pm = { .limit = limit };
	pm.fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (pm.fd < 0)
		return -errno;
	*ret = pm;
	return 0;
}

void pagemap_close(struct pagemap *pm)
{
	pm->fd = fd_close(pm->fd);
	free(pm->v);
	free(pm->entries);
	pm->v = NULL;
	pm->entries = NULL;
}

static void next_prepare(struct pagemap *pm)
{
	pm->v = xcalloc(REGIONS_MAX, sizeof(*pm->v));
	scan_probe(pm);
	if (!pm->scan)
		pm->entries = xcalloc(ENTRIES_MAX, sizeof(*pm->entries));
}

bool pagemap_scans(struct pagemap *pm)
{
	if (!pm->v)
		next_prepare(pm);
	return pm->scan;
}

int pagemap_next(struct pagemap *pm, uint64_t from, uint64_t to, struct page_run *ret)
{
	if (!pm->v)
		next_prepare(pm);
	for (;;) {
		while (pm->at < pm->n && pm->v[pm->at].end <= from)
			pm->at++;
		if (pm->at < pm->n) {
			const struct page_region *v = &pm->v[pm->at];
			if (v->start >= to)
				return 0;
			*ret = (struct page_run){ MAX(v->start, from), MIN(v->end, to),
						  (v->categories & SCAN_GUARD) && 1 };
			return 1;
		}
		if (pm->scanned >= to || (pm->scan && pm->scanned >= pm->limit))
			return 0;
		int r = pm->scan ? scan_more(pm, from) : read_more(pm, from, to);
		if (r < 0)
			return r;
	}
}

int pagemap_frames(const struct pagemap *pm, uint64_t start, size_t n, uint64_t *frames,
		   bool *ret_hidden)
{
	int r = entries_read(pm, start, n, frames);
	if (r < 0)
		return r;
	*ret_hidden = false;
	for (size_t i = 0; i < n; i++) {
		uint64_t entry = frames[i], frame = entry & ENTRY_FRAME;
		bool there = entry_kind(entry) == 1;
		*ret_hidden |= there && !frame;
		/* in swap the same bits tell where: the mark keeps the two apart */
		frames[i] = there && frame ? frame << 2 | (entry & ENTRY_SWAPPED ? 2 : 0) : 0;
		if (there && entry & ENTRY_ALONE)
			frames[i] |= PAGE_ALONE;
	}
	return 0;
}
