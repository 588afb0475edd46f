/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space.h - an address space of an image, decoded and checked: what is inside struct memory. Of
 * this room alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/memory/memory.h"
#include "checkpoint/memory/memory_record.h"
#include "checkpoint/memory/vdso.h"

#define SPACE_PAGE UINT64_C(4096)
/*
 * Below: what no program may map without being root of the machine, and what no restored one shall
 * have.
 */
#define SPACE_MIN UINT64_C(0x10000)
/* The end of user space with four and with five levels of page tables. */
#define SPACE_END_4 UINT64_C(0x7ffffffff000)
#define SPACE_END_5 UINT64_C(0xfffffffffff000)

struct range {
	uint64_t start, end;
};

struct memory {
	uint64_t id;
	struct memory_record r;
	const struct mapping_record *maps;
	size_t n_maps;
	const struct mapping_pages *pages;
	size_t n_pages;
	const struct mapping_guard *guards;
	size_t n_guards;
	struct {
		const struct vdso_record *record; /* NULL: the program has none */
		uint64_t start;			  /* the image's place of it */
		bool stale; /* this kernel's is another one: the image's code is private memory */
		uint64_t here; /* where this kernel's goes; 0: it is unmapped */
	} vdso;
};

/*
 * The protection a mapping has between memory_emit() and memory_emit_seal(): the final one, but for
 * private ones that pages must be written to. has_pages: the image has some.
 */
uint32_t mapping_building_prot(const struct mapping_record *m, bool has_pages);
bool mapping_has_pages(const struct memory *m, const struct mapping_record *map);

/* The first pages at or above an address. */
size_t memory_pages_from(const struct memory *m, uint64_t address);

/* ---- hole.c ---- */

/* Ranges that are in use; grows. */
struct ranges {
	struct range *v;
	size_t n, cap;
};
#define CLEANUP_RANGES CLEANUP(ranges_done)
void ranges_add(struct ranges *r, uint64_t start, uint64_t end);
/* Everything that a space uses or will use: mappings, what grows, the vdso's places. */
void ranges_add_memory(struct ranges *r, const struct memory *m);
void ranges_sort(struct ranges *r); /* by their starts */
void ranges_done(struct ranges *r);
/*
 * The lowest free `size` bytes (aligned) at or above `from` and below `to`; 0: none. Sorts the
 * ranges.
 */
uint64_t ranges_find_hole(struct ranges *r, uint64_t from, uint64_t to, uint64_t size,
			  uint64_t align);
/* The free place next to `near`; 0: none. */
uint64_t ranges_find_near(struct ranges *r, uint64_t near, uint64_t size);
