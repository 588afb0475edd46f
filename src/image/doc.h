/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc.h - reading JSON that others wrote: size and depth are bounded, strings hold no NUL, a value of the
 * wrong type is an error that names its key. What is absent or null is "not given": success, and the
 * out-parameter is left as it was.
 */
#pragma once

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "spec/spec.h"

#define DOC_MAX_SIZE  ((size_t)8 << 20) /* bytes of one document */
#define DOC_MAX_DEPTH 32

#define CLEANUP_DOC CLEANUP(doc_cleanup)
void doc_cleanup(struct json_object **o);

/* Parses a whole document, which must be of the given type. -EBADMSG or -EFBIG. *ret is the caller's. */
int doc_read(const char *text, size_t len, enum json_type type, struct json_object **ret,
	     struct error *err) NODISCARD;

/* Each of these: 0 or -EBADMSG (why: "KEY is not a string"). Strings and lists are copied to the arena. */
int doc_string(struct json_object *o, const char *key, struct arena *a, char **ret,
	       struct error *err) NODISCARD;
int doc_u64(struct json_object *o, const char *key, uint64_t *ret, struct error *err) NODISCARD;
int doc_strings(struct json_object *o, const char *key, struct arena *a, struct strings *ret,
		struct error *err) NODISCARD;
int doc_pairs(struct json_object *o, const char *key, struct arena *a, struct spec_pairs *ret,
	      struct error *err) NODISCARD;
/* The keys of an object whose values mean nothing: {"80/tcp": {}}. */
int doc_keys(struct json_object *o, const char *key, struct arena *a, struct strings *ret,
	     struct error *err) NODISCARD;
/* A value of the given type, borrowed from o. */
int doc_value(struct json_object *o, const char *key, enum json_type type, struct json_object **ret,
	      struct error *err) NODISCARD;
