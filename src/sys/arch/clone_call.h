/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone_call.h - clone3(2) whose child begins with a function on a stack of its own, as clone(3) of
 * the C library does for clone(2): for children that share the caller's memory and need what only
 * clone3 has.
 *
 * Each architecture defines
 *
 * long arch_clone_call(const void *args, size_t size, int (*fn)(void *), void *arg)
 *
 * args: struct clone3_args with stack and stack_size (both multiples of 16). The child exits with
 * fn's result. Returns the child's number, or -errno.
 */
#pragma once

#if defined(__x86_64__)
#include "sys/arch/x86_64/clone_call.h"
#else
#error "no clone_call for this architecture: add src/sys/arch/<name>/clone_call.h"
#endif
