/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values.h - the small values that descriptions of data are made of: numbers that may be absent,
 * lists of strings, maps of strings. Plain data; every pointer lives in an arena that the owner
 * names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct opt_u64 {
	bool set;
	uint64_t v;
};
struct opt_i64 {
	bool set;
	int64_t v;
};
struct opt_bool {
	bool set;
	bool v;
};

struct strings { /* list of strings, none of them NULL */
	char **v;
	size_t n;
};
struct spec_pair {
	char *key, *value;
};
struct spec_pairs { /* map of strings in the order of insertion, keys unique */
	struct spec_pair *v;
	size_t n;
};

/* Appends a copy of s. */
void strings_add(struct arena *a, struct strings *list, const char *s);

/* Sets key to a copy of value; an entry of that name is replaced in its place. */
void pairs_set(struct arena *a, struct spec_pairs *map, const char *key, const char *value);

/* The value of key, NULL when there is none. It belongs to the map. */
const char *pairs_get(const struct spec_pairs *map, const char *key);
