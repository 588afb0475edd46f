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
	pc->unsorted |= last && last->address > address;
	if (pc->n == pc->cap) {
		pc->cap = pc->cap ? 2 * pc->cap : 64;
		pc->v = xrealloc(pc->v, pc->cap * sizeof(*pc->v));
	}
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

static int mem_open(int proc, pid_t pid, int *mem, struct error *err)
{
	char path[64];
	if (*mem >= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%d/mem", (int)pid);
	*mem = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return *mem < 0 ? error_sys(err, errno, "cannot open the memory of pid %d", (int)pid) : 0;
}

/* Through mem: what process_vm_readv(2) may not read, or would copy. */
static int read_forced(struct page_copy *pc, uint64_t address, uint64_t n, uint8_t *to,
		       uint64_t *ret_bad, struct error *err)
{
	int r = mem_open(pc->proc, pc->pid, &pc->mem, err);
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

/* All pieces that may be read so, in one call. *ret_got: bytes of them, whole pages. */
static int read_quickly(struct page_copy *pc, uint64_t *ret_got, struct error *err)
{
	struct iovec remote[PAGE_COPY_PIECES], local[PAGE_COPY_PIECES];
	size_t n = 0;
	uint8_t *to = pc->d->buffer;
	*ret_got = 0;
	for (size_t i = 0; i < pc->n_pieces; i++) {
		uint64_t size = pc->pieces[i].n * PAGE;
		if (!pc->pieces[i].forced) {
			remote[n] =
				(struct iovec){ (void *)(uintptr_t)pc->pieces[i].address, size };
			local[n++] = (struct iovec){ to, size };
		}
		to += size;
	}
	if (!n)
		return 0;
	ssize_t r = process_vm_readv(pc->pid, local, n, remote, n, 0);
	if (r < 0 && errno == ESRCH)
		return error_set(err, ESRCH, "pid %d is gone", (int)pc->pid);
	*ret_got = r < 0 ? 0 : (uint64_t)r & ~(PAGE - 1);
	return 0;
}

static int read_pieces(struct page_copy *pc, uint64_t *ret_bad, struct error *err)
{
	uint64_t got;
	int r = read_quickly(pc, &got, err);
	uint8_t *to = pc->d->buffer;
	for (size_t i = 0; r == 0 && i < pc->n_pieces; i++) {
		uint64_t size = pc->pieces[i].n * PAGE, have = 0;
		if (!pc->pieces[i].forced) {
			have = MIN(got, size);
			got -= have;
		}
		if (have < size)
			r = read_forced(pc, pc->pieces[i].address + have, (size - have) / PAGE,
					to + have, ret_bad, err);
		to += size;
	}
	return r;
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

/*
 * The offset of the parent's copy of the page at this address; 0: it has none. *ret_n: for how many
 * pages that goes on.
 */
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
	return mem_open(pc->proc, pc->parent->pid, &pc->parent_mem, NULL) == 0 &&
	       pread(pc->parent_mem, pc->d->other, IMAGE_PAGE, (off_t)address) == IMAGE_PAGE &&
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
			} else if (pc->pieces[i].forced &&
				   same_content(pc, address, page, &offset)) {
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

static int copy_own(struct page_copy *pc, uint64_t address, uint64_t n, bool forced,
		    uint64_t *ret_bad, struct error *err)
{
	while (n) {
		if (pc->n_waiting == BUFFER_PAGES || pc->n_pieces == PAGE_COPY_PIECES) {
			int r = page_copy_flush(pc, ret_bad, err);
			if (r < 0)
				return r;
		}
		uint64_t now = MIN(n, (uint64_t)BUFFER_PAGES - pc->n_waiting);
		size_t i = pc->n_pieces;
		if (i && pc->pieces[i - 1].forced == forced &&
		    pc->pieces[i - 1].address + pc->pieces[i - 1].n * PAGE == address) {
			pc->pieces[i - 1].n += now;
		} else {
			pc->pieces[i].address = address;
			pc->pieces[i].n = now;
			pc->pieces[i].forced = forced;
			pc->n_pieces++;
		}
		pc->n_waiting += now;
		address += now * PAGE;
		n -= now;
	}
	return 0;
}

/* A stretch of a mapping that shares pages with others: what is to be done with each. */
struct stretch {
	uint64_t start;
	size_t n;
	uint64_t frames[COMPARE];
	uint64_t
		offset[COMPARE]; /* the parent's copy of the same page; 0: it is not the parent's */
};

/*
 * The kernel may move a page to another frame between two readings, so the parent is asked before
 * and after: the frame was the parent's while it was the child's.
 */
static int stretch_look(struct page_copy *pc, struct stretch *s, struct error *err)
{
	uint64_t before[COMPARE], after[COMPARE];
	bool hidden = false, parent_hidden = false;
	int r = pc->parent
			? pagemap_frames(&pc->parent_frames, s->start, s->n, before, &parent_hidden)
			: 0;
	if (r == 0)
		r = pagemap_frames(&pc->frames, s->start, s->n, s->frames, &hidden);
	if (r == 0 && pc->parent)
		r = pagemap_frames(&pc->parent_frames, s->start, s->n, after, &parent_hidden);
	if (r < 0)
		return error_sys(err, -r, "cannot read the page tables of pid %d", (int)pc->pid);
	pc->by_content |= pc->parent && (hidden || parent_hidden);
	uint64_t run = 0, offset = 0;
	for (size_t i = 0; i < s->n; i++, run--, offset += offset ? PAGE : 0) {
		if (!run && pc->parent)
			offset = parent_offset(pc, s->start + i * PAGE, &run);
		bool same = pc->parent && s->frames[i] > PAGE_ALONE && s->frames[i] == before[i] &&
			    s->frames[i] == after[i];
		s->offset[i] = same ? offset : 0;
	}
	return 0;
}

/* Whether page i is dealt with as the one before it. */
static bool stretch_goes_on(const struct stretch *s, size_t i)
{
	if (s->offset[i] || s->offset[i - 1])
		return s->offset[i] == s->offset[i - 1] + PAGE && s->offset[i - 1];
	return (s->frames[i] & PAGE_ALONE) == (s->frames[i - 1] & PAGE_ALONE);
}

static int copy_stretch(struct page_copy *pc, struct stretch *s, bool forced, uint64_t *ret_bad,
			struct error *err)
{
	int r = stretch_look(pc, s, err);
	for (size_t i = 0, j; r == 0 && i < s->n; i = j) {
		for (j = i + 1; j < s->n && stretch_goes_on(s, j);)
			j++;
		uint64_t address = s->start + i * PAGE;
		if (s->offset[i])
			list_add(pc, address, j - i, s->offset[i]);
		else
			r = copy_own(pc, address, j - i, forced || !(s->frames[i] & PAGE_ALONE),
				     ret_bad, err);
	}
	return r;
}

int page_copy_add(struct page_copy *pc, uint64_t start, uint64_t end,
		  const struct page_copy_mode *mode, uint64_t *ret_bad, struct error *err)
{
	int r = 0;
	if (pc->zeroes != mode->zeroes)
		r = page_copy_flush(pc, ret_bad, err);
	pc->zeroes = mode->zeroes;
	if (r < 0 || !mode->common)
		return r < 0 ? r
			     : copy_own(pc, start, (end - start) / PAGE, mode->forced, ret_bad,
					err);
	struct stretch s;
	for (; r == 0 && start < end; start += s.n * PAGE) {
		s.start = start;
		s.n = (size_t)MIN((end - start) / PAGE, (uint64_t)COMPARE);
		r = copy_stretch(pc, &s, mode->forced, ret_bad, err);
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
				  .parent_mem = FD_NONE,
				  .parent = parent && parent->n_pages ? parent : NULL,
				  .frames.fd = FD_NONE,
				  .parent_frames.fd = FD_NONE };
	int r = pagemap_open(c->proc, pid, 0, &pc->frames);
	if (r == 0 && pc->parent)
		r = pagemap_open(c->proc, parent->pid, 0, &pc->parent_frames);
	return r < 0 ? error_sys(err, -r, "cannot read the page tables of pid %d", (int)pid) : 0;
}

void page_copy_cleanup(struct page_copy *pc)
{
	free(pc->v);
	pc->v = NULL;
	pc->mem = fd_close(pc->mem);
	pc->parent_mem = fd_close(pc->parent_mem);
	pagemap_close(&pc->frames);
	pagemap_close(&pc->parent_frames);
}
