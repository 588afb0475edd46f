/* SPDX-License-Identifier: Apache-2.0 */
/* key.h - (type, id) of many records: sorted, so that they are found in O(log n), whatever an image was made to hold. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct key {
	const char *type;
	uint64_t id;
	size_t at; /* the record's number */
};

void keys_sort(struct key *v, size_t n);
/* In sorted ones: the first that has an equal before it, or NULL. */
const struct key *keys_twin(const struct key *v, size_t n);
const struct key *keys_find(const struct key *v, size_t n, const char *type, uint64_t id);
