/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pointer.h - where in a JSON text we are, as RFC 6901 writes it: "/linux/namespaces/2/type".
 * While a tree is walked, each level of recursion holds one struct pointer that names its parent;
 * text is made only when there is something to complain about.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct pointer {
	const struct pointer *up; /* NULL: the whole text */
	const char *key;	  /* NULL: an element of an array */
	size_t index;
};

/*
 * Appends "/" and the key, with ~ and / escaped; control characters as \u001b (RFC 6901, section
 * 5).
 */
void pointer_add_key(struct buf *out, const char *key);
void pointer_add_index(struct buf *out, size_t index);
/* Appends the whole pointer; at == NULL is the whole text, "". */
void pointer_print(const struct pointer *at, struct buf *out);

/* error_object() with the pointer's text. */
void pointer_error(const struct pointer *at, struct error *err);
