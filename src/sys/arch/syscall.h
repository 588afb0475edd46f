/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall.h - raw system calls for programs without a C library.
 *
 * Each architecture has a folder with a syscall.h that defines arch_syscall0 .. arch_syscall6
 *
 *     long arch_syscallN(long nr, long a1, ... long aN)
 *
 * which return what the kernel returns: a value, or -errno (-4095 .. -1). Nothing else is touched:
 * no errno, no cancellation, no thread-local storage. Numbers are those of <asm/unistd.h> (__NR_*).
 * A user of this header keeps to calls that every architecture has (ppoll, not poll; openat, not
 * open).
 */
#pragma once

#if defined(__x86_64__)
#include "sys/arch/x86_64/syscall.h"
#else
#error "no raw system calls for this architecture: add src/sys/arch/<name>/syscall.h"
#endif
