/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pagemap.h - which pages of an address space are its own, and which frames they are. Ranges
 * without pages cost nothing: the kernel walks its page tables (PAGEMAP_SCAN, Linux 6.7); where it
 * cannot, each mapping's entries are read, so a caller shall not ask for a mapping that is known to
 * be empty. Source: Documentation/admin-guide/mm/pagemap.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

struct pagemap {
	int fd;
	bool scan;  /* PAGEMAP_SCAN works */
	bool guard; /* and knows guard pages (6.15) */
	uint64_t limit;
	struct page_region {
		uint64_t start, end, categories;
	} * v; /* found and not yet handed out */
	size_t at, n;
	uint64_t scanned; /* all below it is in v or was handed out */
	uint64_t *entries;
};

#define CLEANUP_PAGEMAP CLEANUP(pagemap_close)

/* limit: the end of the highest mapping that will be asked for. 0 or -errno. */
int pagemap_open(int proc, pid_t pid, uint64_t limit, struct pagemap *ret) NODISCARD;
void pagemap_close(struct pagemap *pm);

/* Whether the kernel finds pages for us (PAGEMAP_SCAN): ranges without pages cost nothing then. */
bool pagemap_scans(struct pagemap *pm);

/*
 * Pages of a private mapping that are not a file's and not the common zero page; or guards
 * (MADV_GUARD_INSTALL).
 */
struct page_run {
	uint64_t start, end;
	bool guard;
};

/*
 * The first run at or above `from` and below `to`, cut to that range. Calls must ascend. 1, 0
 * (none) or -errno.
 */
int pagemap_next(struct pagemap *pm, uint64_t from, uint64_t to, struct page_run *ret) NODISCARD;

/*
 * What backs each of n pages: two pages with the same value (without PAGE_ALONE) other than 0 are
 * the same frame, or the same place in swap. PAGE_ALONE: nobody else maps it. *ret_hidden: a page
 * is there, but we may not know its frame. 0 or -errno.
 */
#define PAGE_ALONE UINT64_C(1)
int pagemap_frames(const struct pagemap *pm, uint64_t start, size_t n, uint64_t *frames,
		   bool *ret_hidden) NODISCARD;
