/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - the first instructions of a program without a C library.
 *
 * ARCH_ENTRY(function), once in a program, defines _start. It calls
 *
 *     void function(long *stack)
 *
 * with the stack as execve(2) left it: stack[0] = argc, stack[1 ..] = argv, NULL, environment,
 * NULL, auxiliary vector. function must have external linkage and must not return.
 */
#pragma once

#if defined(__x86_64__)
#include "sys/arch/x86_64/entry.h"
#else
#error "no program entry for this architecture: add src/sys/arch/<name>/entry.h"
#endif
