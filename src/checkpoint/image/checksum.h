/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.h - XXH3, 64 bits, seed 0. It finds damage, not malice: who can write an image can write its checksums.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

uint64_t checksum_of(const void *data, size_t size);

/* Piece by piece. */
struct checksum;
#define CLEANUP_CHECKSUM CLEANUP(checksum_cleanup)
struct checksum *checksum_new(void) NODISCARD;
void checksum_free(struct checksum *c);
void checksum_cleanup(struct checksum **c);
void checksum_reset(struct checksum *c);
void checksum_add(struct checksum *c, const void *data, size_t size);
uint64_t checksum_end(const struct checksum *c);
