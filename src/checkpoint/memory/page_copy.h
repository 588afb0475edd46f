/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_copy.h - private pages of one stopped address space are copied to the image. Of this room
 * alone.
 *
 * Life: page_copy_begin(), page_copy_add() of runs in ascending order, page_copy_end() gives the
 * list of what is where. Pages gather in one buffer of a MiB, which stays in the cache. A page that
 * is the parent's as well is not copied: the list names the parent's copy.
 *
 * process_vm_readv(2) pins the pages that it reads, and since Linux 5.19 a page that is shared
 * copy-on-write is copied for that: it would cost memory, and parents and children would share
 * nothing any more when their turn comes. Such pages are read through /proc/PID/mem, which is
 * slower and leaves them as they are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/memory/dump.h"
#include "checkpoint/memory/pagemap.h"

#define PAGE_COPY_PIECES 256 /* as many as the buffer has pages */

struct page_copy {
	struct memory_dump *d;
	struct image_writer *w;
	pid_t pid;
	int proc;
	int mem, parent_mem;		 /* /proc/PID/mem, opened when needed */
	const struct space_seen *parent; /* NULL: none */
	struct pagemap frames, parent_frames;
	bool by_content; /* frames are hidden from us: pages are compared */
	/* what waits in the buffer to be read */
	struct {
		uint64_t address;
		uint64_t n;
		bool forced; /* through mem */
	} pieces[PAGE_COPY_PIECES];
	size_t n_pieces, n_waiting;
	bool zeroes; /* pages of zeroes are kept */
	/* the result */
	struct mapping_pages *v;
	size_t n, cap;
	bool unsorted;
};
#define CLEANUP_PAGE_COPY CLEANUP(page_copy_cleanup)

/* parent: NULL or the space that pages may be shared with. */
int page_copy_begin(struct page_copy *pc, struct memory_dump *d, struct collect *c, pid_t pid,
		    const struct space_seen *parent, struct error *err) NODISCARD;

/* What page_copy_add() must know of the mapping. */
struct page_copy_mode {
	bool forced; /* it may not be read (PROT_NONE) */
	bool zeroes; /* pages of zeroes count, since a file's are behind them */
	bool common; /* some of its pages are mapped by others as well */
};

/*
 * Pages [start, end) of one mapping. -EFAULT: a page there cannot be read at all; *ret_bad tells
 * which.
 */
int page_copy_add(struct page_copy *pc, uint64_t start, uint64_t end,
		  const struct page_copy_mode *mode, uint64_t *ret_bad, struct error *err)
	NODISCARD;

/* Copies what waits. The same errors. */
int page_copy_flush(struct page_copy *pc, uint64_t *ret_bad, struct error *err) NODISCARD;

/* Sorts the list, which is the caller's (free()) then. */
void page_copy_end(struct page_copy *pc, struct mapping_pages **ret, size_t *ret_n);
void page_copy_cleanup(struct page_copy *pc);
