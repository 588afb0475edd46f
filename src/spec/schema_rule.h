/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_rule.h - what a field allows, shared by the directions of a schema. Internal to the room.
 */
#pragma once

#include "spec/pointer.h"
#include "spec/schema.h"

#define SCHEMA_QUOTE 96 /* room for a value in a message */

/* The member of obj that offset names, as a lvalue. */
#define MEMBER(c_type, obj, offset)	  (*(c_type *)((char *)(obj) + (offset)))
#define CONST_MEMBER(c_type, obj, offset) (*(const c_type *)((const char *)(obj) + (offset)))

/* Whether the field of obj is given (schema.h says what that is). */
bool schema_given(const struct schema_field *f, const void *obj);

bool schema_u64_allowed(const struct schema_field *f, uint64_t v);
bool schema_i64_allowed(const struct schema_field *f, int64_t v);
bool schema_string_allowed(const struct schema_field *f, const char *s);

/* -EINVAL at the pointer: "found X, expected <what the field allows>", with the field's hint. */
int schema_wrong(const struct schema_field *f, const struct pointer *at, struct error *err,
		 const char *found);
/* -EINVAL at the pointer of the object: the key is missing in it. */
int schema_missing(const struct schema_field *f, const struct pointer *at, struct error *err);
