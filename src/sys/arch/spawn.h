/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - clone3(2) with a stack of its own for the child, which a C function cannot do: it would return to
 * its caller on a stack that has none.
 *
 * Each architecture has a folder with a spawn.h that defines
 *
 *     long arch_spawn(const void *args, size_t size, int (*fn)(void *arg), void *arg)
 *
 * which returns the child's pid or -errno; the child calls fn(arg) on the stack that args name, and exits with
 * what it returns.
 */
#pragma once

#if defined(__x86_64__)
#include "sys/arch/x86_64/spawn.h"
#else
#error "no way to spawn on this architecture: add src/sys/arch/<name>/spawn.h"
#endif
