/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - one description of a C struct that serves every direction: JSON text -> struct
 * (schema_parse), struct -> JSON text (schema_print), and a look at a struct that was filled in by
 * hand (schema_check). config.json and the engine's state files are described this way.
 *
 * A description is a table of fields, one row a member:
 *
 *	struct point {
 *		char *name;
 *		int64_t x;
 *		struct opt_u64 colour;
 *	};
 *	static const struct schema_field point_fields[] = {
 *		SCHEMA_FIELD(STRING, struct point, name, "name", .flags = SCHEMA_REQUIRED),
 *		SCHEMA_FIELD(I64, struct point, x, "x", .flags = SCHEMA_ALWAYS),
 *		SCHEMA_FIELD(OPT_U64, struct point, colour, "colour", .max = 255),
 *	};
 *	static const struct schema point_schema = SCHEMA(struct point, point_fields);
 *
 * The member's C type is checked against the kind at compile time.
 *
 * What "not given" is, in both directions: a key that is missing or null; an empty string (unless
 * SCHEMA_EMPTY); an empty array or map; an opt_* that is not set; a bool that is false and a plain
 * number that is 0 (unless SCHEMA_ALWAYS or _REQUIRED); an embedded object whose presence flag is
 * false, or, where it has none, in which nothing is given. What is not given is not printed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "spec/values.h"

/* The C type of the member <-> JSON. */
enum schema_kind {
	SCHEMA_BOOL,	 /* bool <-> true, false */
	SCHEMA_U32,	 /* uint32_t <-> whole number */
	SCHEMA_U64,	 /* uint64_t */
	SCHEMA_I64,	 /* int64_t */
	SCHEMA_OPT_BOOL, /* struct opt_bool */
	SCHEMA_OPT_U64,	 /* struct opt_u64 */
	SCHEMA_OPT_I64,	 /* struct opt_i64 */
	SCHEMA_STRING,	 /* char *, NULL: not given <-> string */
	SCHEMA_STRINGS,	 /* struct strings <-> array of strings */
	SCHEMA_PAIRS,	 /* struct spec_pairs <-> object of strings */
	SCHEMA_U32S,	 /* uint32_t * and size_t <-> array of whole numbers */
	SCHEMA_OBJECT,	 /* an embedded struct, or the same struct <-> object */
	SCHEMA_OBJECTS,	 /* struct * and size_t <-> array of objects */
	SCHEMA_MAP,	 /* the same <-> object of objects; a char * of the struct is the key */
	SCHEMA_N_KINDS,
};

/* Flags of a field. A required number or bool is always printed, too. */
enum {
	SCHEMA_REQUIRED = 1, /* the object is refused without it */
	SCHEMA_ALWAYS = 2,   /* printed although it is 0 or false */
	SCHEMA_EMPTY = 4,    /* "" is a value of its own, not the same as not given */
	SCHEMA_HAS = 8,	     /* a presence flag lies beside the embedded object */
};

struct schema {
	size_t size; /* of the struct */
	const struct schema_field *fields;
	size_t n_fields;
	bool closed; /* unknown keys are refused; else they are ignored */
};

struct schema_field {
	const char *name; /* the key in JSON */
	enum schema_kind kind;
	unsigned flags;
	size_t offset;	     /* of the member */
	size_t n_offset;     /* U32S, OBJECTS, MAP: of the count */
	size_t has_offset;   /* SCHEMA_HAS: of the presence flag (bool) */
	size_t key_offset;   /* MAP: of the key in the element */
	size_t element_size; /* OBJECT, OBJECTS, MAP: of the (element) struct; equals sub->size */
	const struct schema *sub;
	/* Numbers: the range allowed; both 0: whatever the type holds. */
	int64_t min;
	uint64_t max;
	const char *const *choices; /* STRING, STRINGS: allowed values, NULL at the end */
	const char *hint;	    /* what to do about a wrong value */
};

#define SCHEMA(type, table)                                                                        \
	{                                                                                          \
		.size = sizeof(type), .fields = (table), .n_fields = ARRAY_SIZE(table)             \
	}
#define SCHEMA_CLOSED(type, table)                                                                 \
	{                                                                                          \
		.size = sizeof(type), .fields = (table), .n_fields = ARRAY_SIZE(table),            \
		.closed = true                                                                     \
	}

/* A member of its own: KIND is the name of a kind up to PAIRS, without SCHEMA_. */
#define SCHEMA_FIELD(KIND, type, member, key, ...)                                                 \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_##KIND,                                              \
		.offset = SCHEMA_OFFSET(type, member, SCHEMA_C_##KIND), __VA_ARGS__                \
	}
/* Numbers in an array: ptr is a uint32_t *, count a size_t. */
#define SCHEMA_FIELD_U32S(type, ptr, count, key, ...)                                              \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_U32S,                                                \
		.offset = SCHEMA_OFFSET(type, ptr, uint32_t *),                                    \
		.n_offset = SCHEMA_OFFSET(type, count, size_t), __VA_ARGS__                        \
	}
/* An embedded struct. */
#define SCHEMA_FIELD_OBJECT(type, member, key, schema, ...)                                        \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_OBJECT, .offset = offsetof(type, member),            \
		.element_size = sizeof(((type *)0)->member), .sub = (schema), __VA_ARGS__          \
	}
/* An embedded struct with a bool beside it that says whether it is there, even if empty. */
#define SCHEMA_FIELD_OBJECT_HAS(type, member, has, key, schema)                                    \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_OBJECT, .flags = SCHEMA_HAS,                         \
		.offset = offsetof(type, member), .has_offset = SCHEMA_OFFSET(type, has, bool),    \
		.element_size = sizeof(((type *)0)->member), .sub = (schema)                       \
	}
/*
 * An object in JSON whose members lie in the outer struct itself: the schema describes `type`
 * again.
 */
#define SCHEMA_FIELD_GROUP(type, key, schema, ...)                                                 \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_OBJECT, .element_size = sizeof(type),                \
		.sub = (schema), __VA_ARGS__                                                       \
	}
/* An array of structs: ptr and count (size_t), grown by arena_push(). */
#define SCHEMA_FIELD_OBJECTS(type, ptr, count, key, schema, ...)                                   \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_OBJECTS, .offset = offsetof(type, ptr),              \
		.n_offset = SCHEMA_OFFSET(type, count, size_t),                                    \
		.element_size = sizeof(*((type *)0)->ptr), .sub = (schema), __VA_ARGS__            \
	}
/* The same as an object of objects; `key_member` (char *) of the element holds the key. */
#define SCHEMA_FIELD_MAP(type, ptr, count, element, key_member, key, schema, ...)                  \
	{                                                                                          \
		.name = (key), .kind = SCHEMA_MAP, .offset = SCHEMA_OFFSET(type, ptr, element *),  \
		.n_offset = SCHEMA_OFFSET(type, count, size_t),                                    \
		.key_offset = SCHEMA_OFFSET(element, key_member, char *),                          \
		.element_size = sizeof(element), .sub = (schema), __VA_ARGS__                      \
	}

/* offsetof() that does not compile when the member has another type. */
#define SCHEMA_OFFSET(type, member, c_type)                                                        \
	(offsetof(type, member) +                                                                  \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), c_type)     \
				 ? 1                                                               \
				 : -1]))
#define SCHEMA_C_BOOL	  bool
#define SCHEMA_C_U32	  uint32_t
#define SCHEMA_C_U64	  uint64_t
#define SCHEMA_C_I64	  int64_t
#define SCHEMA_C_OPT_BOOL struct opt_bool
#define SCHEMA_C_OPT_U64  struct opt_u64
#define SCHEMA_C_OPT_I64  struct opt_i64
#define SCHEMA_C_STRING	  char *
#define SCHEMA_C_STRINGS  struct strings
#define SCHEMA_C_PAIRS	  struct spec_pairs

/*
 * Reads JSON text (hostile input; an object at the top; see json.h for what is refused) into the
 * struct at ret, which the caller has zeroed or filled with defaults: what the text does not give
 * stays as it is. Strings and arrays live in the arena. 0, -EINVAL, -E2BIG (too long, too deep,
 * too many values) or -ENOMEM. err: object is the JSON pointer (RFC 6901) of the offending value
 * ("" is the whole text), why says what was found and what was expected. After a failure *ret is
 * partly filled.
 */
int schema_parse(const struct schema *s, const char *json, size_t size, struct arena *a, void *ret,
		 struct error *err) NODISCARD;

/*
 * Appends the struct as compact JSON. Bytes that are no UTF-8 become U+FFFD: schema_check() first.
 */
void schema_print(const struct schema *s, const void *obj, struct buf *out);

/*
 * Whether a struct filled in by hand keeps to the description: required fields, ranges, choices,
 * strings that are UTF-8. What passes prints as text that schema_parse() takes. 0 or -EINVAL with
 * the pointer.
 */
int schema_check(const struct schema *s, const void *obj, struct error *err) NODISCARD;
