/* SPDX-License-Identifier: Apache-2.0 */
/* page_copy.c - see page_copy.h. */
#include "checkpoint/memory/page_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define PAGE	     ((uint64_t)IMAGE_PAGE)
#define BUFFER_PAGES (DUMP_BUFFER / IMAGE_PAGE)
#define COMPARE	     512 /* frames that are compared at a time */

/* ---- the list ---- */

static void list_add(struct page_copy *pc, uint64_t address, uint64_t n, uint64_t offset)
{
	struct mapping_pages *last = pc->n ? &pc->v[pc->n - 1] : NULL;
	if (last && last->address + last->n * PAGE == address &&
	    last->offset + last->n * PAGE == offset) {
		last->n += n;
		return;
	}
	if (pc->n == pc->cap) {
		pc->cap = pc->cap ? 2 * pc->cap : 64;
		pc->v = xrealloc(pc->v, pc->cap * sizeof(*pc->v));
	}
	pc->unsorted |= last && last->address > address;
	pc->v[pc->n++] = (struct mapping_pages){ address, n, offset };
}

static int by_address(const void *a, const void *b)
{
	const struct mapping_pages *x = a, *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

void page_copy_end(struct page_copy *pc, struct mapping_pages **ret, size_t *ret_n)
{
	if (pc->unsorted)
		qsort(pc->v, pc->n, sizeof(*pc->v), by_address);
	*ret_n = pc->n;
	*ret = take_ptr(pc->v);
	pc->n = pc->cap = 0;
}

/* ---- reading ---- */

static int mem_open(struct page_copy *pc, struct error *err)
{
	char path[64];
	if (pc->mem >= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%d/mem", (int)pc->pid);
	pc->mem = openat(pc->proc, path, O_RDONLY | O_CLOEXEC);
	return pc->mem < 0 ? error_sys(err, errno, "cannot open the memory of pid %d", (int)pc->pid)
			   : 0;
}

/* What process_vm_readv(2) may not read, a tracer may through mem: page by page, so that the bad one is known. */
static int read_forced(struct page_copy *pc, uint64_t address, uint64_t n, uint8_t *to,
		       uint64_t *ret_bad, struct error *err)
{
	int r = mem_open(pc, err);
	if (r < 0)
		return r;
	for (uint64_t done = 0; done < n * PAGE;) {
		ssize_t got = pread(pc->mem, to + done, n * PAGE - done, (off_t)(address + done));
		if (got > 0) {
			done += (uint64_t)got;
			continue;
		}
		*ret_bad = (address + done) & ~(PAGE - 1);
		return error_set(err, EFAULT, "the page at %" PRIx64 " cannot be read", *ret_bad);
	}
	return 0;
}

static int read_pieces(struct page_copy *pc, uint64_t *ret_bad, struct error *err)
{
	struct iovec remote[PAGE_COPY_PIECES];
	struct iovec local = { pc->d->buffer, pc->n_waiting * PAGE };
	for (size_t i = 0; i < pc->n_pieces; i++)
		remote[i] = (struct iovec){ (void *)(uintptr_t)pc->pieces[i].address,
					    pc->pieces[i].n * PAGE };
	uint64_t got = 0;
	if (!pc->forced) {
		ssize_t r = process_vm_readv(pc->pid, &local, 1, remote, pc->n_pieces, 0);
		if (r < 0 && errno == ESRCH)
			return error_set(err, ESRCH, "pid %d is gone", (int)pc->pid);
		got = r < 0 ? 0 : (uint64_t)r & ~(PAGE - 1);
	}
	uint64_t at = 0; /* bytes of the buffer that the pieces so far take */
	for (size_t i = 0; i < pc->n_pieces && got < local.iov_len; i++) {
		uint64_t size = pc->pieces[i].n * PAGE;
		uint64_t have = got > at ? MIN(got - at, size) : 0;
		if (have < size) {
			int r = read_forced(pc, pc->pieces[i].address + have, (size - have) / PAGE,
					    pc->d->buffer + at + have, ret_bad, err);
			if (r < 0)
				return r;
		}
		at += size;
	}
	return 0;
}

/* ---- what of it must be written ---- */

static bool page_is_zero(const uint8_t *page)
{
	const uint64_t *v = (const uint64_t *)page;
	if (v[0] | v[IMAGE_PAGE / 16])
		return false;
	for (size_t i = 0; i < IMAGE_PAGE / sizeof(*v); i += 8)
		if (v[i] | v[i + 1] | v[i + 2] | v[i + 3] | v[i + 4] | v[i + 5] | v[i + 6] |
		    v[i + 7])
			return false;
	return true;
}

/* One page of zeroes serves all mappings of files that have one. */
static int zero_page(struct page_copy *pc, uint64_t address, struct error *err)
{
	static const uint8_t zero[IMAGE_PAGE];
	if (!pc->d->zero_page) {
		int r = image_pages_write(pc->w, zero, 1, &pc->d->zero_page, err);
		if (r < 0)
			return r;
	}
	list_add(pc, address, 1, pc->d->zero_page);
	return 0;
}

/* The offset of the parent's copy of the page at this address; 0: it has none. Addresses ascend but for a buffer's length. */
static uint64_t parent_offset(const struct page_copy *pc, uint64_t address, uint64_t *ret_n)
{
	const struct space_seen *s = pc->parent;
	size_t low = 0, high = s->n_pages;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mapping_pages *v = &s->pages[middle];
		if (v->address + v->n * PAGE <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->n_pages) {
		*ret_n = UINT64_MAX;
		return 0;
	}
	const struct mapping_pages *v = &s->pages[low];
	if (v->address > address) {
		*ret_n = (v->address - address) / PAGE;
		return 0;
	}
	*ret_n = v->n - (address - v->address) / PAGE;
	return v->offset + (address - v->address);
}

/* Whether the parent's page there has the same content: asked where frames are hidden. */
static bool same_content(struct page_copy *pc, uint64_t address, const uint8_t *page,
			 uint64_t *ret_offset)
{
	uint64_t n;
	if (!pc->by_content || !(*ret_offset = parent_offset(pc, address, &n)))
		return false;
	struct iovec local = { pc->d->other, IMAGE_PAGE },
		     remote = { (void *)(uintptr_t)address, IMAGE_PAGE };
	return process_vm_readv(pc->parent->pid, &local, 1, &remote, 1, 0) == IMAGE_PAGE &&
	       memcmp(pc->d->other, page, IMAGE_PAGE) == 0;
}

int page_copy_flush(struct page_copy *pc, uint64_t *ret_bad, struct error *err)
{
	if (!pc->n_waiting)
		return 0;
	int r = read_pieces(pc, ret_bad, err);
	if (r < 0) {
		pc->n_pieces = pc->n_waiting = 0;
		return r;
	}
	uint64_t addresses[BUFFER_PAGES];
	size_t kept = 0, at = 0;
	for (size_t i = 0; i < pc->n_pieces; i++) {
		for (uint64_t j = 0; j < pc->pieces[i].n; j++, at++) {
			uint8_t *page = pc->d->buffer + at * PAGE;
			uint64_t address = pc->pieces[i].address + j * PAGE, offset;
			bool is_zero = page_is_zero(page);
			if (is_zero && !pc->zeroes)
				continue;
			if (is_zero) {
				if ((r = zero_page(pc, address, err)) < 0)
					return r;
			} else if (same_content(pc, address, page, &offset)) {
				list_add(pc, address, 1, offset);
			} else {
				if (kept != at)
					memcpy(pc->d->buffer + kept * PAGE, page, PAGE);
				addresses[kept++] = address;
			}
		}
	}
	pc->n_pieces = pc->n_waiting = 0;
	if (!kept)
		return 0;
	uint64_t offset;
	r = image_pages_write(pc->w, pc->d->buffer, kept, &offset, err);
	for (size_t i = 0; r == 0 && i < kept; i++)
		list_add(pc, addresses[i], 1, offset + i * PAGE);
	return r;
}

/* ---- which pages are to be copied ---- */

static int copy_own(struct page_copy *pc, uint64_t address, uint64_t n, uint64_t *ret_bad,
		    struct error *err)
{
	while (n) {
		if (pc->n_waiting == BUFFER_PAGES || pc->n_pieces == PAGE_COPY_PIECES) {
			int r = page_copy_flush(pc, ret_bad, err);
			if (r < 0)
				return r;
		}
		uint64_t now = MIN(n, (uint64_t)BUFFER_PAGES - pc->n_waiting);
		size_t i = pc->n_pieces;
		if (i && pc->pieces[i - 1].address + pc->pieces[i - 1].n * PAGE == address) {
			pc->pieces[i - 1].n += now;
		} else {
			pc->pieces[i].address = address;
			pc->pieces[i].n = now;
			pc->n_pieces++;
		}
		pc->n_waiting += now;
		address += now * PAGE;
		n -= now;
	}
	return 0;
}

/*
 * Which of n pages are the parent's: same[i]. The kernel may move a page to another frame between two readings, so the
 * parent is asked before and after: the frame was the parent's while it was the child's.
 */
static int compare_frames(struct page_copy *pc, uint64_t start, size_t n, bool *same,
			  struct error *err)
{
	uint64_t before[COMPARE], ours[COMPARE], after[COMPARE];
	bool hidden[3];
	int r = pagemap_frames(&pc->parent_frames, start, n, before, &hidden[0]);
	if (r == 0)
		r = pagemap_frames(&pc->frames, start, n, ours, &hidden[1]);
	if (r == 0)
		r = pagemap_frames(&pc->parent_frames, start, n, after, &hidden[2]);
	if (r < 0)
		return error_sys(err, -r, "cannot compare the pages of pids %d and %d",
				 (int)pc->pid, (int)pc->parent->pid);
	if (hidden[0] || hidden[1] || hidden[2])
		pc->by_content = true;
	for (size_t i = 0; i < n; i++)
		same[i] = ours[i] && ours[i] == before[i] && ours[i] == after[i];
	return 0;
}

/* A stretch that the parent has pages for, one after the other in the image. */
static int add_shared(struct page_copy *pc, uint64_t start, uint64_t n, uint64_t offset,
		      uint64_t *ret_bad, struct error *err)
{
	bool same[COMPARE];
	for (uint64_t done = 0; done < n;) {
		size_t now = (size_t)MIN(n - done, (uint64_t)COMPARE);
		int r = compare_frames(pc, start + done * PAGE, now, same, err);
		if (r < 0)
			return r;
		for (size_t i = 0, j; i < now; i = j) {
			for (j = i + 1; j < now && same[j] == same[i];)
				j++;
			uint64_t address = start + (done + i) * PAGE;
			if (same[i])
				list_add(pc, address, j - i, offset + (done + i) * PAGE);
			else if ((r = copy_own(pc, address, j - i, ret_bad, err)) < 0)
				return r;
		}
		done += now;
	}
	return 0;
}

int page_copy_add(struct page_copy *pc, uint64_t start, uint64_t end, bool forced, bool zeroes,
		  uint64_t *ret_bad, struct error *err)
{
	int r = 0;
	if (pc->forced != forced || pc->zeroes != zeroes)
		r = page_copy_flush(pc, ret_bad, err);
	pc->forced = forced;
	pc->zeroes = zeroes;
	if (!pc->parent || pc->by_content)
		return r < 0 ? r : copy_own(pc, start, (end - start) / PAGE, ret_bad, err);
	while (r == 0 && start < end) {
		uint64_t n;
		uint64_t offset = parent_offset(pc, start, &n);
		n = MIN(n, (end - start) / PAGE);
		if (offset)
			r = add_shared(pc, start, n, offset, ret_bad, err);
		else
			r = copy_own(pc, start, n, ret_bad, err);
		start += n * PAGE;
	}
	return r;
}

/* ---- life ---- */

int page_copy_begin(struct page_copy *pc, struct memory_dump *d, struct collect *c, pid_t pid,
		    const struct space_seen *parent, struct error *err)
{
	*pc = (struct page_copy){ .d = d,
				  .w = c->w,
				  .pid = pid,
				  .proc = c->proc,
				  .mem = FD_NONE,
				  .parent = parent && parent->n_pages ? parent : NULL,
				  .frames.fd = FD_NONE,
				  .parent_frames.fd = FD_NONE };
	if (!pc->parent)
		return 0;
	int r = pagemap_open(c->proc, pid, 0, &pc->frames);
	if (r == 0)
		r = pagemap_open(c->proc, parent->pid, 0, &pc->parent_frames);
	return r < 0 ? error_sys(err, -r, "cannot read the page tables of pid %d", (int)pid) : 0;
}

void page_copy_cleanup(struct page_copy *pc)
{
	free(pc->v);
	pc->v = NULL;
	pc->mem = fd_close(pc->mem);
	pagemap_close(&pc->frames);
	pagemap_close(&pc->parent_frames);
}
