/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - removes what nothing in the store refers to: rests of killed imports in tmp/, layers that no image
 * names. */
#pragma once

#include "image/storedir.h"

/*
 * Collects if nobody imports just now; otherwise leaves it to them, since each import collects when it
 * is done. A layer is kept when any record cannot be read, because that one might name it. Failures are
 * not told: the next call tries again.
 */
void gc_try(const struct store *s);
