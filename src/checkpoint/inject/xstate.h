/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xstate.h - the layout of NT_X86_XSTATE (x86-64): what XSAVE writes, in its standard form. Pure, but for CPUID.
 * Source: Intel's manual, volume 1, chapter 13; Documentation/arch/x86/xstate.rst; asm/sigcontext.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define XSTATE_MAX    16384 /* more than any processor has; AMX makes it 11008 */
#define XSTATE_LEGACY 512   /* what FXSAVE writes */
#define XSTATE_MIN    576   /* and the header */

#define XSTATE_SW_OFFSET                                                                           \
	464 /* free for software: the kernel puts the mask of features there, or struct xstate_sw */
#define XSTATE_BV_OFFSET 512 /* which features are not in their initial state */

/* In a signal frame (struct _fpx_sw_bytes): without it the kernel restores no more than the legacy part. */
struct xstate_sw {
	uint32_t magic1;
	uint32_t extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
	uint32_t padding[7];
};
#define XSTATE_MAGIC1 0x46505853u
#define XSTATE_MAGIC2 0x46505845u /* the 4 bytes after the state */

/* The features that are in use: bit n as in XCR0. */
uint64_t xstate_features(const void *xstate, size_t size);
/* Their names, as people know them, with commas between. Returns buf. */
const char *xstate_names(uint64_t features, char *buf, size_t size);
/* How many of `size` bytes are needed for them; the rest can be left out, and means "initial state". */
size_t xstate_used(const void *xstate, size_t size);
