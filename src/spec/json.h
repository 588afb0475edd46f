/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - strict JSON (RFC 8259) text, both directions below the level of schemas.
 *
 * Reading: json-c builds the tree and judges the grammar. It lets pass, even when told to be
 * strict, what a reader of hostile input must not: duplicate keys (the last wins, where others
 * take the first), NUL in strings (cut there), NaN and Infinity, "-01" and "1.", raw control
 * characters, lone surrogates, overlong UTF-8, integers beyond 64 bits (clamped), and any number
 * of values (700 bytes for each "{}"). A scan of the text before (json_scan.c) refuses all that.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct json_object; /* json-c's */

#define JSON_MAX_SIZE	    (4u << 20) /* bytes of text */
#define JSON_MAX_DEPTH	    32
#define JSON_MAX_VALUES	    (1u << 20)
#define JSON_MAX_CONTAINERS (1u << 15) /* objects and arrays */

/*
 * Parses text whose outermost value is an object. The tree is the caller's: json_object_put().
 * -EINVAL, -E2BIG (a limit above) or -ENOMEM; err: object is the JSON pointer of the value as far
 * as it is known, why begins with "line 3, column 7".
 */
int json_read(const char *text, size_t size, struct json_object **ret, struct error *err) NODISCARD;

/* Appends s as a JSON string with its quotes. What is no UTF-8 becomes U+FFFD. */
void json_put_string(struct buf *out, const char *s);

/* s as a JSON string for an error message: cut to fit, without control characters. Returns buf. */
const char *json_quote(const char *s, char *buf, size_t size);

/*
 * Length (1 to 4) of the UTF-8 sequence at p (RFC 3629: no overlong forms, no surrogates), 0 if
 * none.
 */
size_t utf8_length(const char *p, const char *end);

/* The scan: what json-c lets pass. *ret_values counts the values of all sorts. */
int json_scan(const char *text, size_t size, size_t *ret_values, struct error *err) NODISCARD;

/* Finds the first key that is twice in one object: -EINVAL with its pointer; 0 when there is none.
 * For a text that json-c has accepted. */
int json_scan_duplicates(const char *text, size_t size, struct error *err) NODISCARD;

/* error_set() with "line L, column C: " before the cause. Returns -errnum. */
int json_error(struct error *err, int errnum, const char *text, size_t offset, const char *why, ...)
	PRINTF_LIKE(5, 6);
