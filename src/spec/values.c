/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - see values.h. Maps are searched from the front: they hold a few dozen entries. */
#include "spec/values.h"

#include <string.h>

void strings_add(struct arena *a, struct strings *list, const char *s)
{
	*arena_push(a, list->v, list->n) = arena_strdup(a, s);
}

static struct spec_pair *pairs_find(const struct spec_pairs *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (!strcmp(map->v[i].key, key))
			return &map->v[i];
	return NULL;
}

void pairs_set(struct arena *a, struct spec_pairs *map, const char *key, const char *value)
{
	struct spec_pair *pair = pairs_find(map, key);
	if (!pair) {
		pair = arena_push(a, map->v, map->n);
		pair->key = arena_strdup(a, key);
	}
	pair->value = arena_strdup(a, value);
}

const char *pairs_get(const struct spec_pairs *map, const char *key)
{
	const struct spec_pair *pair = pairs_find(map, key);
	return pair ? pair->value : NULL;
}
