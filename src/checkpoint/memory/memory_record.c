/* SPDX-License-Identifier: Apache-2.0 */
/* memory_record.c - the fields of memory_record.h, and the table of flags. */
#include "checkpoint/memory/memory_record.h"

#include <sys/mman.h>

#include "checkpoint/memory/maps.h"

#define MAX_MAPPINGS (1u << 22)
#define MAX_NAME     80 /* the kernel's own limit */

static const struct field mapping_fields[] = {
	FIELD(struct mapping_record, start, U64),
	FIELD(struct mapping_record, end, U64),
	FIELD(struct mapping_record, prot, U32, .optional = true),
	FIELD(struct mapping_record, flags, U32, .optional = true),
	FIELD(struct mapping_record, file, U64, .optional = true),
	FIELD(struct mapping_record, offset, U64, .optional = true),
	FIELD(struct mapping_record, page_shift, U32, .optional = true),
	FIELD(struct mapping_record, name, TEXT, .optional = true, .max = MAX_NAME),
	FIELDS_END,
};

static const struct field number_fields[] = {
	FIELD(struct memory_numbers, start_code, U64),
	FIELD(struct memory_numbers, end_code, U64),
	FIELD(struct memory_numbers, start_data, U64),
	FIELD(struct memory_numbers, end_data, U64),
	FIELD(struct memory_numbers, start_brk, U64),
	FIELD(struct memory_numbers, brk, U64),
	FIELD(struct memory_numbers, start_stack, U64),
	FIELD(struct memory_numbers, arg_start, U64),
	FIELD(struct memory_numbers, arg_end, U64),
	FIELD(struct memory_numbers, env_start, U64),
	FIELD(struct memory_numbers, env_end, U64),
	FIELDS_END,
};

const struct field memory_record_fields[] = {
	FIELD(struct memory_record, maps, LIST, .max = MAX_MAPPINGS, .fields = mapping_fields,
	      .size = sizeof(struct mapping_record)),
	FIELD(struct memory_record, pages, U64S, .optional = true),
	FIELD(struct memory_record, guards, U64S, .optional = true),
	FIELD(struct memory_record, numbers, MAP, .fields = number_fields),
	FIELD(struct memory_record, auxv, BYTES, .optional = true, .max = AUXV_MAX),
	FIELD(struct memory_record, exe, U64, .optional = true),
	FIELD(struct memory_record, vdso, U64, .optional = true),
	FIELD(struct memory_record, vdso_start, U64, .optional = true),
	FIELD(struct memory_record, dump_filter, U32),
	FIELD(struct memory_record, thp_disable, BOOL, .optional = true),
	FIELD(struct memory_record, lock_future, BOOL, .optional = true),
	FIELD(struct memory_record, lock_future_onfault, BOOL, .optional = true),
	FIELD(struct memory_record, merge_any, BOOL, .optional = true),
	FIELDS_END,
};

const struct field vdso_record_fields[] = {
	FIELD(struct vdso_record, vvar, U64),
	FIELD(struct vdso_record, vclock, U64, .optional = true),
	FIELD(struct vdso_record, code, BYTES, .max = VDSO_CODE_MAX),
	FIELDS_END,
};

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

const struct mapping_flag_row mapping_flag_rows[] = {
	{ MAPPING_GROWSDOWN, MAPS_GROWSDOWN, -1, "growsdown" },
	{ MAPPING_NORESERVE, MAPS_NORESERVE, -1, "noreserve" },
	{ MAPPING_HUGETLB, MAPS_HUGETLB, -1, "hugetlb" },
	{ MAPPING_DROPPABLE, MAPS_DROPPABLE, -1, "droppable" },
	{ MAPPING_HUGEPAGE, MAPS_HUGEPAGE, MADV_HUGEPAGE, "hugepage" },
	{ MAPPING_NOHUGEPAGE, MAPS_NOHUGEPAGE, MADV_NOHUGEPAGE, "nohugepage" },
	{ MAPPING_DONTFORK, MAPS_DONTFORK, MADV_DONTFORK, "dontfork" },
	{ MAPPING_WIPEONFORK, MAPS_WIPEONFORK, MADV_WIPEONFORK, "wipeonfork" },
	{ MAPPING_DONTDUMP, MAPS_DONTDUMP, MADV_DONTDUMP, "dontdump" },
	{ MAPPING_SEQUENTIAL, MAPS_SEQUENTIAL, MADV_SEQUENTIAL, "sequential" },
	{ MAPPING_RANDOM, MAPS_RANDOM, MADV_RANDOM, "random" },
	{ MAPPING_MERGEABLE, MAPS_MERGEABLE, MADV_MERGEABLE, "mergeable" },
	{ MAPPING_LOCKED, MAPS_LOCKED, -1, "locked" },
	{ MAPPING_LOCKED_ONFAULT, MAPS_LOCKED_ONFAULT, -1, "locked-onfault" },
	{ MAPPING_SEALED, MAPS_SEALED, -1, "sealed" },
	{ 0, 0, -1, NULL },
};
