/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - address spaces: mappings, their attributes, private pages; taken on dump, made again by programs.
 *
 * Type "mm" (id: object's of class MM): the mappings, the numbers of PR_SET_MM_MAP, auxv, runs of private pages. A mapped file is
 * an open file like any other (collect_file_take of /proc/PID/map_files/A-B, or of the descriptor it equals), so are
 * shared anonymous memory, memfds and deleted files: their content is theirs, not ours. Only pages of private mappings
 * are ours: anonymous ones, and of file mappings those that were written to.
 *
 * Pages shared by fork (the same frame in parent and child) are written once, in the parent's record; the child's names
 * them as inherited, and on restore the child is forked when its parent has filled them in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/task_kind.h"

/* ---- dump ---- */

struct memory_dump; /* frames of the address spaces seen so far */
struct memory_dump *memory_dump_new(void);
void memory_dump_free(struct memory_dump *d);

/*
 * Collects one address space: writes its pages and its record. parent: the host pid of the nearest living ancestor whose
 * own address space was collected already and with which pages may be shared; 0: none. visit answers: brk
 * (memory_ask). skip_base, skip_size: where our own program lies in the task (0: nowhere).
 */
struct memory_source {
	pid_t pid;	    /* host number of a stopped leader with this address space */
	uint64_t mm;	    /* its id */
	uint64_t parent_mm; /* id, 0: none */
	const struct tracee *tracee;
	uint64_t skip_base, skip_size;
	uint64_t brk; /* current break, as the task told: 0 unknown */
};
int memory_collect(struct memory_dump *d, struct collect *c, const struct memory_source *src,
		   struct error *err) NODISCARD;

/* ---- restore ---- */

struct memory; /* a decoded and checked "mm" record */
int memory_load(struct image *img, uint64_t mm, struct arena *arena, struct memory **ret,
		struct error *err) NODISCARD;

/* Every address range that any of the given spaces uses (the kernel's own mappings too), so that the arena can be put elsewhere: finds a
 * hole of `size` bytes free in all; 0 when there is none. */
uint64_t memory_find_hole(struct memory *const *v, size_t n, size_t size);

/* What the task's address space holds when its program starts. */
struct memory_start {
	const struct memory *
		parent; /* the forked-from space, as its program has made it; NULL: that of the seed */
	uint64_t arena_base, arena_size; /* must be kept */
	/* this kernel's vdso and vvar mappings as they lie at that moment (of the seed, or where the parent has put them) */
	uint64_t vdso_start, vdso_size; /* the whole area, vvar first */
	uint64_t vdso_code;		/* start of [vdso] itself */
	int image_fd;			/* the image, in the tasks */
};

/* Steps: clear what must go, map, fill. The private mappings stay writable until memory_emit_seal. Afterwards the vdso is at its place. */
int memory_emit(struct emit *e, const struct memory *m, const struct memory_start *start,
		struct error *err) NODISCARD;
/* Steps, after the children were forked: final protections, madvise, mlock, PR_SET_MM_MAP (exe: e->fd of exe file), THP. */
int memory_emit_seal(struct emit *e, const struct memory *m, struct error *err) NODISCARD;
/* Where the vdso area lies after memory_emit(). */
void memory_vdso(const struct memory *m, uint64_t *ret_start, uint64_t *ret_code);
/*
 * Whether an address lies in the vdso of the image while this kernel's is another one. Its functions are jumps to this kernel's then: a
 * thread that was stopped within their first 12 bytes cannot go on; further in it makes the system call.
 */
bool memory_vdso_stale(const struct memory *m, uint64_t address);

/* For `inspect`. */
uint64_t memory_bytes(const struct memory *m); /* private pages in the image */
void memory_print(const struct memory *m, struct buf *out);
