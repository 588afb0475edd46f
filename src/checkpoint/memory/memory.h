/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - address spaces: mappings, their attributes, private pages; taken on dump, made again
 * by programs.
 *
 * Type "mm" (id: object's of class MM): the mappings, the numbers of PR_SET_MM_MAP, auxv, runs of
 * private pages. A mapped file is an open file like any other (collect_file_take of
 * /proc/PID/map_files/A-B, or of the descriptor it equals), so are shared anonymous memory, memfds
 * and deleted files: their content is theirs, not ours. Only pages of private mappings are ours:
 * anonymous ones, and of file mappings those that were written to.
 *
 * Pages shared by fork (the same frame in parent and child) are written once: the child's record
 * names the same place in the image. On restore whatever two spaces have at the same address from
 * the same place is shared again, if the one is forked from the other, whichever that is: the child
 * is forked when its parent has filled them in.
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
 * Collects one address space: writes its pages and its record. What cannot be carried is refused by
 * name (collect_refuse). On a dry run nothing is read but /proc.
 */
struct memory_source {
	pid_t pid;   /* host number of a stopped leader with this address space */
	uint64_t mm; /* its id */
	/*
	 * The nearest ancestor whose space was collected already: pages that are its own as well
	 * are not written again. It must still be stopped. 0: none.
	 */
	uint64_t parent_mm;
	const struct tracee *tracee;
	/*
	 * Where our own program lies in the task (size 0: nowhere); the task itself must have
	 * mapped it: what the kernel gave that mapping tells of mlockall(MCL_FUTURE) and the like.
	 */
	uint64_t skip_base, skip_size;
	uint64_t
		brk; /* as the task told, not rounded; 0: not known, the end of the heap is taken */
};
int memory_collect(struct memory_dump *d, struct collect *c, const struct memory_source *src,
		   struct error *err) NODISCARD;

/*
 * When all open files are collected, those in queues too: one for which a stand-in was made (stand_in.c) would be two files
 * from now on, so it is refused.
 */
void memory_check_stand_ins(struct memory_dump *d, struct collect *c);

/* ---- restore ---- */

struct memory; /* a decoded and checked "mm" record */
int memory_load(struct image *img, uint64_t mm, struct arena *arena, struct memory **ret,
		struct error *err) NODISCARD;

/*
 * Every address range that any of the given spaces uses (the kernel's own mappings too), so that
 * the arena can be put elsewhere: finds a hole of `size` bytes free in all; 0 when there is none.
 */
uint64_t memory_find_hole(struct memory *const *v, size_t n, size_t size);

/* What the task's address space holds when its program starts. */
struct memory_start {
	/* the forked-from space, as memory_emit() has made it; NULL: that of the seed */
	const struct memory *parent;
	uint64_t arena_base, arena_size; /* must be kept */
	/*
	 * this kernel's vdso and vvar mappings as they lie at that moment (of the seed, or where
	 * the parent has put them)
	 */
	uint64_t vdso_start, vdso_size; /* the whole area, vvar first */
	uint64_t vdso_code;		/* start of [vdso] itself */
	int image_fd;			/* the image, in the tasks */
};

/*
 * Steps: clear what must go, map, fill. The private mappings stay writable until memory_emit_seal.
 * Afterwards the vdso is at its place.
 */
int memory_emit(struct emit *e, const struct memory *m, const struct memory_start *start,
		struct error *err) NODISCARD;
/*
 * Steps, after the children were forked: final protections, madvise, mlock, PR_SET_MM_MAP (exe:
 * e->fd of exe file), THP.
 */
int memory_emit_seal(struct emit *e, const struct memory *m, struct error *err) NODISCARD;
/* Where the vdso area lies after memory_emit(). */
void memory_vdso(const struct memory *m, uint64_t *ret_start, uint64_t *ret_code);
/*
 * Whether an address lies in the vdso of the image while this kernel's is another one. Its
 * functions are jumps to this kernel's then: a thread that was stopped within their first 12 bytes
 * cannot go on; further in it makes the system call.
 */
bool memory_vdso_stale(const struct memory *m, uint64_t address);

/* For `inspect`. */
uint64_t memory_bytes(const struct memory *m); /* private pages in the image */
void memory_print(const struct memory *m, struct buf *out);
