/* SPDX-License-Identifier: Apache-2.0 */
/* key.c - see key.h. */
#include "checkpoint/image/key.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *va, const void *vb)
{
	const struct key *a = va, *b = vb;
	int r = a->type == b->type ? 0 : strcmp(a->type, b->type);
	return r ? r : (a->id > b->id) - (a->id < b->id);
}

void keys_sort(struct key *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), compare);
}

const struct key *keys_twin(const struct key *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (compare(&v[i - 1], &v[i]) == 0)
			return &v[i];
	return NULL;
}

const struct key *keys_find(const struct key *v, size_t n, const char *type, uint64_t id)
{
	struct key wanted = { .type = type, .id = id };
	return n ? bsearch(&wanted, v, n, sizeof(*v), compare) : NULL;
}
