/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - one description of a record, both directions: a C struct and a table of its fields become a
 * CBOR map (RFC 8949) in an image, and that map becomes the struct again.
 *
 * A record's map has the fields' names as keys. Writing leaves out optional fields that are zero (0, NULL,
 * empty). Reading treats the text as hostile: lengths and counts are bounded by what is really there and by
 * `max`, nesting by the tables, and a key that the table does not know, a key twice, a missing one that is
 * not optional, a wrong type, or a number out of its C type's range refuses the record by name. Nothing is
 * skipped in silence: an image of a newer engine is refused, not half understood.
 *
 * Everything that reading hands out lives in the caller's arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum field_type {
	FIELD_END,
	FIELD_BOOL, /* bool */
	FIELD_I32,  /* int32_t */
	FIELD_U32,  /* uint32_t */
	FIELD_I64,  /* int64_t */
	FIELD_U64,  /* uint64_t */
	FIELD_TEXT, /* char *, NUL-terminated, UTF-8 not required (written as a byte string then) */
	FIELD_BYTES, /* struct bytes */
	FIELD_U64S,  /* struct u64s: RFC 8746 typed array, little endian (tag 71) */
	FIELD_MAP,   /* a struct inside the struct; `fields` describes it */
	FIELD_LIST,  /* struct list of structs that `fields` describes, each `size` bytes */
};

struct bytes {
	void *data;
	size_t size;
};

struct u64s {
	uint64_t *v;
	size_t n;
};

struct list {
	void *v;
	size_t n;
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	bool optional;
	uint32_t max; /* bytes of TEXT, BYTES; elements of LIST, U64S; 0: what the record holds */
	const struct field *fields; /* MAP, LIST */
	size_t size;		    /* LIST: of one element's struct */
};

/* FIELD(struct pipe_record, size, U32), with more by designated initialisers: .optional = true */
#define FIELD(record, member, kind, ...)                                                           \
	{                                                                                          \
		.name = #member, .type = FIELD_##kind, .offset = offsetof(record, member),         \
		##__VA_ARGS__                                                                      \
	}
#define FIELDS_END                                                                                 \
	{                                                                                          \
		.type = FIELD_END                                                                  \
	}

/* Appends the record as one CBOR map. Does not look at `max`: record_check() does. */
void record_encode(const struct field *fields, const void *record, struct buf *out);

/* Whether what was written could be read again: -E2BIG naming the field that has more than its `max`. */
int record_check(const struct field *fields, const void *record, struct error *err) NODISCARD;

/*
 * Reads exactly one map of `size` bytes. The fields are zeroed first (what else the struct has is left alone; it is
 * zero in elements of a LIST). -EBADMSG with the field's name in the
 * error when it is not such a record.
 */
int record_decode(const struct field *fields, const void *data, size_t size, struct arena *arena,
		  void *ret, struct error *err) NODISCARD;
