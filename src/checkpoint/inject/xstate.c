/* SPDX-License-Identifier: Apache-2.0 */
/* xstate.c - see xstate.h. */
#include "checkpoint/inject/xstate.h"

#include <cpuid.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#define XSTATE_LEAF 0xd
#define FEATURES    63

/* Where a feature's part ends; 0: the processor does not tell. A constant of the machine. */
static uint32_t part_ends[FEATURES];
static pthread_once_t part_ends_once = PTHREAD_ONCE_INIT;

/* Once: in a virtual machine CPUID costs some 20 us, more than everything else that is done for a thread. */
static void part_ends_read(void)
{
	for (unsigned int i = 2; i < FEATURES; i++) {
		unsigned int length = 0, offset = 0, c, d;
		if (__get_cpuid_count(XSTATE_LEAF, i, &length, &offset, &c, &d) && offset)
			part_ends[i] = offset + length;
	}
}

uint64_t xstate_features(const void *xstate, size_t size)
{
	uint64_t bv = 3;
	if (size >= XSTATE_MIN)
		memcpy(&bv, (const uint8_t *)xstate + XSTATE_BV_OFFSET, sizeof(bv));
	return bv;
}

const char *xstate_names(uint64_t features, char *buf, size_t size)
{
	static const struct {
		uint64_t bits;
		const char *name;
	} names[] = {
		{ 0x4, "AVX" },
		{ 0x18, "MPX" },
		{ 0xe0, "AVX-512" },
		{ 0x200, "protection keys" },
		{ 0x1800, "shadow stacks" },
		{ 0x60000, "AMX" },
	};
	size_t n = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names) && n < size; i++)
		if (features & names[i].bits) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      names[i].name);
			features &= ~names[i].bits;
		}
	if (features && n < size)
		(void)snprintf(buf + n, size - n, "%sfeatures 0x%llx", n ? ", " : "",
			       (unsigned long long)features);
	return buf;
}

size_t xstate_used(const void *xstate, size_t size)
{
	if (size <= XSTATE_MIN)
		return size;
	pthread_once(&part_ends_once, part_ends_read);
	uint64_t features = xstate_features(xstate, size);
	size_t used = XSTATE_MIN;
	for (unsigned int i = 2; i < FEATURES; i++) {
		if (!(features & (1ULL << i)))
			continue;
		if (!part_ends[i]) /* unknown: nothing is left out */
			return size;
		used = MAX(used, (size_t)part_ends[i]);
	}
	return MIN(used, size);
}
