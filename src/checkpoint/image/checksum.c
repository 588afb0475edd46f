/* SPDX-License-Identifier: Apache-2.0 */
/* checksum.c - see checksum.h. The algorithm is compiled in from its header: the command is linked statically. */
#include "checkpoint/image/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>

struct checksum {
	XXH3_state_t state; /* aligned to 64 bytes, more than malloc(3) does */
};

uint64_t checksum_of(const void *data, size_t size)
{
	return XXH3_64bits(data, size);
}

struct checksum *checksum_new(void)
{
	struct checksum *c = NULL;
	if (posix_memalign((void **)&c, _Alignof(struct checksum), sizeof(*c)) != 0)
		abort(); /* out of memory: as base/buf.h does */
	checksum_reset(c);
	return c;
}

void checksum_free(struct checksum *c)
{
	free(c);
}

void checksum_cleanup(struct checksum **c)
{
	checksum_free(*c);
	*c = NULL;
}

void checksum_reset(struct checksum *c)
{
	(void)XXH3_64bits_reset(&c->state);
}

void checksum_add(struct checksum *c, const void *data, size_t size)
{
	(void)XXH3_64bits_update(&c->state, data, size);
}

uint64_t checksum_end(const struct checksum *c)
{
	return XXH3_64bits_digest(&c->state);
}
