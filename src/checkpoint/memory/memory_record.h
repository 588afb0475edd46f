/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_record.h - the records of address spaces: "mm" (id: the address space's) and "vdso" (id: a
 * number).
 *
 * Whose content is where: pages of private mappings are in the image, at offsets that `pages`
 * names; two spaces that name the same offset at the same address share the page, if one was forked
 * from the other. All else is a file's content. A private page that `pages` does not name is as a
 * fresh mapping has it: zero, or the file's.
 */
#pragma once

#include <stdint.h>

#include "checkpoint/image/record.h"

/* What is asked of a mapping. The numbers are the image's: never change one. */
enum mapping_flag {
	MAPPING_SHARED = 1u << 0,
	MAPPING_GROWSDOWN = 1u << 1,
	MAPPING_NORESERVE = 1u << 2,
	MAPPING_HUGETLB = 1u << 3, /* page_shift tells the size */
	MAPPING_DROPPABLE = 1u << 4,
	MAPPING_LOCKED = 1u << 5,
	MAPPING_LOCKED_ONFAULT = 1u << 6,
	MAPPING_DONTFORK = 1u << 7,
	MAPPING_WIPEONFORK = 1u << 8,
	MAPPING_DONTDUMP = 1u << 9,
	MAPPING_SEQUENTIAL = 1u << 10,
	MAPPING_RANDOM = 1u << 11,
	MAPPING_HUGEPAGE = 1u << 12,
	MAPPING_NOHUGEPAGE = 1u << 13,
	MAPPING_MERGEABLE = 1u << 14,
	MAPPING_SEALED = 1u << 15,
};
#define MAPPING_FLAGS_ALL ((1u << 16) - 1)
/* Those that a mapping is born with; the others are given by madvise(2) and the like. */
#define MAPPING_FLAGS_BIRTH                                                                        \
	(MAPPING_SHARED | MAPPING_GROWSDOWN | MAPPING_NORESERVE | MAPPING_HUGETLB |                \
	 MAPPING_DROPPABLE)
#define MAPPING_FLAGS_THP (MAPPING_HUGEPAGE | MAPPING_NOHUGEPAGE)

struct mapping_record {
	uint64_t start, end;
	uint32_t prot;	 /* PROT_* */
	uint32_t flags;	 /* enum mapping_flag */
	uint64_t file;	 /* id of an open file; 0: anonymous */
	uint64_t offset; /* in the file */
	uint32_t page_shift;
	char *name; /* PR_SET_VMA_ANON_NAME */
};

/* An element of `pages`: three numbers each. */
struct mapping_pages {
	uint64_t address, n, offset; /* of the first page; pages; in the image */
};
/* An element of `guards`: two numbers each. */
struct mapping_guard {
	uint64_t address, n;
};

/* As PR_SET_MM_MAP takes them. */
struct memory_numbers {
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk;
	uint64_t start_stack, arg_start, arg_end, env_start, env_end;
};

struct memory_record {
	struct list maps; /* struct mapping_record, ascending */
	struct u64s pages, guards;
	struct memory_numbers numbers;
	struct bytes auxv;
	uint64_t exe;			       /* id of an open file; 0: none */
	uint64_t vdso;			       /* id of the "vdso" record; 0: none */
	uint64_t vdso_start;		       /* where it lies: the data first */
	uint32_t dump_filter;		       /* coredump_filter of proc(5) */
	bool thp_disable;		       /* PR_SET_THP_DISABLE */
	bool lock_future, lock_future_onfault; /* mlockall(MCL_FUTURE) */
	bool merge_any;			       /* PR_SET_MEMORY_MERGE */
};
extern const struct field memory_record_fields[];

/* The kernel's own code in a process. Processes of one kernel share the record. */
struct vdso_record {
	uint64_t vvar;	   /* bytes of [vvar] */
	uint64_t vclock;   /* of [vvar_vclock] (6.13), else 0 */
	struct bytes code; /* of [vdso] */
};
extern const struct field vdso_record_fields[];

#define VDSO_CODE_MAX 65536u
#define AUXV_MAX      1024u

/*
 * What the flags are called, and which smaps flag and which madvise(2) belong to them. One table
 * for all.
 */
struct mapping_flag_row {
	uint32_t flag;	  /* enum mapping_flag */
	uint32_t maps;	  /* enum maps_flag */
	int advice;	  /* madvise(2) that sets it, -1: not so */
	const char *name; /* for people */
};
extern const struct mapping_flag_row mapping_flag_rows[]; /* ends with flag 0 */
