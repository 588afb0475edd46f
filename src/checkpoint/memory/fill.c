/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.c - private pages come from the image, see build.h. Pages that follow each other in the
 * image are one read, wherever they go; what the parent has at the same address from the same place
 * in the image is not touched.
 *
 * Nothing is faulted in beforehand (MADV_POPULATE_WRITE): for 512 MiB from the page cache that took
 * 200 ms instead of 170, since zeroed pages have left the processor's cache when they are read to.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "checkpoint/memory/build.h"

#define PIECES_MAX 1024 /* UIO_MAXIOV */
#define BYTES_MAX  (UINT64_C(1) << 30)

struct fill {
	struct build *b;
	struct iovec v[PIECES_MAX];
	size_t n;
	uint64_t offset, size; /* in the image */
	/* pages of the parent that go */
	uint64_t drop_start, drop_end;
};

static void fill_flush(struct fill *f)
{
	struct program *p = f->b->e->p;
	if (!f->n)
		return;
	uint64_t iov = program_data(p, f->v, f->n * sizeof(f->v[0]));
	struct step *s = program_step(p, STEP_READ);
	memcpy(s->arg, (uint64_t[4]){ (uint64_t)f->b->start->image_fd, iov, f->n, f->offset },
	       4 * sizeof(uint64_t));
	s->want = WANT_EQUAL;
	s->value = (int64_t)f->size;
	f->n = 0;
	f->size = 0;
}

static void fill_add(struct fill *f, uint64_t start, uint64_t end, uint64_t offset)
{
	while (start < end) {
		uint64_t size = MIN(end - start, BYTES_MAX);
		if (f->n == PIECES_MAX || f->offset + f->size != offset ||
		    f->size + size > BYTES_MAX)
			fill_flush(f);
		if (!f->n)
			f->offset = offset;
		struct iovec *last = f->n ? &f->v[f->n - 1] : NULL;
		if (last && (uint64_t)(uintptr_t)last->iov_base + last->iov_len == start)
			last->iov_len += size;
		else
			f->v[f->n++] = (struct iovec){ (void *)(uintptr_t)start, size };
		f->size += size;
		start += size;
		offset += size;
	}
}

static void drop_flush(struct fill *f)
{
	if (f->drop_end)
		program_call(f->b->e->p, SYS_madvise, f->drop_start, f->drop_end - f->drop_start,
			     MADV_DONTNEED);
	f->drop_end = 0;
}

static void drop_add(struct fill *f, uint64_t start, uint64_t end)
{
	if (!f->drop_end)
		f->drop_start = start;
	f->drop_end = end;
}

/* ---- page by page, in long steps ---- */

/* What a space has from an address on: a stretch that is in the image, or one that is not. */
struct cursor {
	const struct memory *m; /* NULL: nothing anywhere */
	size_t at;
};

static uint64_t cursor_look(struct cursor *c, uint64_t address, uint64_t end, uint64_t *ret_offset)
{
	*ret_offset = 0;
	while (c->m && c->at < c->m->n_pages &&
	       c->m->pages[c->at].address + c->m->pages[c->at].n * SPACE_PAGE <= address)
		c->at++;
	if (!c->m || c->at == c->m->n_pages)
		return end;
	const struct mapping_pages *p = &c->m->pages[c->at];
	if (p->address > address)
		return MIN(end, p->address);
	*ret_offset = p->offset + (address - p->address);
	return MIN(end, p->address + p->n * SPACE_PAGE);
}

/* [start, end) lies in one mapping; `parent` is looked at in what was kept only. */
static void fill_range(struct fill *f, struct cursor *ours, struct cursor *parent, uint64_t start,
		       uint64_t end)
{
	while (start < end) {
		uint64_t want, have;
		uint64_t next = cursor_look(ours, start, end, &want);
		next = MIN(next, cursor_look(parent, start, end, &have));
		if (want)
			drop_flush(f);
		if (want && want != have)
			fill_add(f, start, next, want);
		else if (have && !want)
			drop_add(f, start, next);
		start = next;
	}
	drop_flush(f);
}

void build_fill(struct build *b)
{
	struct fill f = { .b = b };
	struct cursor ours = { b->m, 0 }, parent = { b->start->parent, 0 }, nobody = { 0 };
	program_what(b->e->p, "reading memory from the image");
	for (size_t i = 0, k = 0; i < b->m->n_maps; i++) {
		const struct mapping_record *map = &b->m->maps[i];
		uint64_t at = map->start;
		if (map->flags & MAPPING_SHARED)
			continue;
		while (k < b->n_kept && b->kept[k].end <= map->start)
			k++;
		for (; k < b->n_kept && b->kept[k].start < map->end; k++) {
			fill_range(&f, &ours, &nobody, at, b->kept[k].start);
			fill_range(&f, &ours, &parent, b->kept[k].start, b->kept[k].end);
			at = b->kept[k].end;
		}
		fill_range(&f, &ours, &nobody, at, map->end);
	}
	fill_flush(&f);
}
