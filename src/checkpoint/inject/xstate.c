/* SPDX-License-Identifier: Apache-2.0 */
/* xstate.c - see xstate.h. */
#include "checkpoint/inject/xstate.h"

#include <cpuid.h>
#include <string.h>

#include "base/compiler.h"

#define XSTATE_LEAF 0xd

uint64_t xstate_features(const void *xstate, size_t size)
{
	uint64_t bv = 3;
	if (size >= XSTATE_MIN)
		memcpy(&bv, (const uint8_t *)xstate + XSTATE_BV_OFFSET, sizeof(bv));
	return bv;
}

size_t xstate_used(const void *xstate, size_t size)
{
	if (size <= XSTATE_MIN)
		return size;
	uint64_t features = xstate_features(xstate, size);
	size_t used = XSTATE_MIN;
	for (unsigned int i = 2; i < 63; i++) {
		unsigned int length = 0, offset = 0, c, d;
		if (!(features & (1ULL << i)))
			continue;
		/* What the processor does not tell of is kept whole. */
		if (!__get_cpuid_count(XSTATE_LEAF, i, &length, &offset, &c, &d) || !offset)
			return size;
		used = MAX(used, (size_t)offset + length);
	}
	return MIN(used, size);
}
