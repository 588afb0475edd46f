/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_record.c - see checkpoint_record.h. */
#include "engine/checkpoint_record.h"

static const struct field file_fields[] = {
	FIELD(struct container_file, name, TEXT, .max = 64),
	FIELD(struct container_file, content, BYTES, .max = 1 << 20),
	FIELDS_END,
};

static const struct field tmpfs_fields[] = {
	FIELD(struct container_tmpfs, destination, TEXT, .max = 4096),
	FIELD(struct container_tmpfs, blob, TEXT, .max = 64),
	FIELDS_END,
};

const struct field container_record_fields[] = {
	FIELD(struct container_record, name, TEXT, .max = 128),
	FIELD(struct container_record, number, U64),
	FIELD(struct container_record, id, TEXT, .max = 64),
	FIELD(struct container_record, engine, TEXT, .max = 64),
	FIELD(struct container_record, kernel, TEXT, .max = 128),
	FIELD(struct container_record, machine, TEXT, .max = 64),
	FIELD(struct container_record, spec, BYTES, .max = 16 << 20),
	FIELD(struct container_record, directory, TEXT, .max = 4096),
	FIELD(struct container_record, job, I32),
	FIELD(struct container_record, own_init, BOOL, .optional = true),
	FIELD(struct container_record, monotonic, U64),
	FIELD(struct container_record, boottime, U64),
	FIELD(struct container_record, realtime, U64),
	FIELD(struct container_record, born, U64, .optional = true),
	FIELD(struct container_record, files, LIST, .optional = true, .max = 16,
	      .fields = file_fields, .size = sizeof(struct container_file)),
	FIELD(struct container_record, tmpfs, LIST, .optional = true, .max = 1024,
	      .fields = tmpfs_fields, .size = sizeof(struct container_tmpfs)),
	FIELD(struct container_record, has_layer, BOOL, .optional = true),
	FIELD(struct container_record, packed_layer, BOOL, .optional = true),
	FIELD(struct container_record, mapped_layer, BOOL, .optional = true),
	FIELD(struct container_record, started, U64, .optional = true),
	FIELDS_END,
};
