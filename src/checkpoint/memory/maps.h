/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps.h - reader of /proc/PID/maps and /proc/PID/smaps: text in, structs out. Parsing is pure and
 * fuzzed; reading is separate. Source: proc_pid_maps(5), proc_pid_smaps(5), fs/proc/task_mmu.c.
 *
 * smaps costs 7 ms per GiB of small pages more than maps; it alone tells what was asked of a
 * mapping (VmFlags).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/compiler.h"

/*
 * VmFlags that mean something to us; those that follow from the permissions or are the kernel's own
 * have no bit.
 */
enum maps_flag {
	MAPS_MAYWRITE = 1u << 0,       /* mw */
	MAPS_GROWSDOWN = 1u << 1,      /* gd */
	MAPS_PFNMAP = 1u << 2,	       /* pf: no pages behind it */
	MAPS_IO = 1u << 3,	       /* io */
	MAPS_LOCKED = 1u << 4,	       /* lo */
	MAPS_LOCKED_ONFAULT = 1u << 5, /* lf */
	MAPS_SEQUENTIAL = 1u << 6,     /* sr */
	MAPS_RANDOM = 1u << 7,	       /* rr */
	MAPS_DONTFORK = 1u << 8,       /* dc */
	MAPS_ACCOUNT = 1u << 9,	       /* ac: counts as committed memory */
	MAPS_NORESERVE = 1u << 10,     /* nr */
	MAPS_HUGETLB = 1u << 11,       /* ht */
	MAPS_SYNC = 1u << 12,	       /* sf: MAP_SYNC */
	MAPS_WIPEONFORK = 1u << 13,    /* wf */
	MAPS_DONTDUMP = 1u << 14,      /* dd */
	MAPS_HUGEPAGE = 1u << 15,      /* hg */
	MAPS_NOHUGEPAGE = 1u << 16,    /* nh */
	MAPS_MERGEABLE = 1u << 17,     /* mg */
	MAPS_UFFD = 1u << 18,	       /* um, uw, ui */
	MAPS_SHADOW_STACK = 1u << 19,  /* ss */
	MAPS_SEALED = 1u << 20,	       /* sl */
	MAPS_DROPPABLE = 1u << 21,     /* dp */
};

struct maps_entry {
	uint64_t start, end;
	uint64_t offset;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint32_t prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	const char *name; /* "" when it has none; newlines as they are */
	/* of smaps only */
	bool detailed;
	uint32_t flags;	 /* enum maps_flag */
	char unknown[4]; /* the first VmFlag that this table does not know, "" */
	uint64_t page;	 /* bytes of the kernel's pages in it: those of hugetlb */
	uint64_t own;	 /* bytes that are this mapping's own: anonymous and swapped ones */
	uint64_t common; /* bytes in pages that others map as well, or may */
	uint32_t key;	 /* protection key */
};

/*
 * Parses a whole text of either file, of `size` bytes (nothing behind them is read). *ret lives in
 * the arena. 0 or -EINVAL: not such a text (an address range that is empty, not page-aligned or not
 * above the one before, too).
 */
int maps_parse(const char *text, size_t size, struct arena *arena, struct maps_entry **ret,
	       size_t *ret_n) NODISCARD;

/* Reads /proc/PID/smaps (detailed) or maps, below the /proc of fd `proc`. 0 or -errno. */
int maps_read(int proc, pid_t pid, bool detailed, struct arena *arena, struct maps_entry **ret,
	      size_t *ret_n) NODISCARD;
