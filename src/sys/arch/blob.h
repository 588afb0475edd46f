/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.h - what the interpreter of programs (checkpoint/inject/blob.c) cannot say in C.
 *
 * Each architecture has a folder with a blob.h that defines
 *
 *   ARCH_BLOB_ENTRY(function)  once, the first code of the blob, in section ".text.entry":
 *       at its start: entry(struct run *run): takes run->stack (at offset ARCH_RUN_STACK) as its stack and calls
 *       function(run), which does not return; 16 bytes on: rt_sigreturn(2) with the stack as it is.
 *   arch_blob_clone(args, size, run, stack)  clone3(2); the child starts anew at entry with `run`, on `stack`
 *       where not 0, without a look at the stack that it was born on; the parent gets clone3's result.
 *   arch_blob_home(frame)      takes frame as stack and jumps to the rt_sigreturn above.
 *   arch_blob_grow()           uses the thread's state that the kernel allocates at its first use (x86: AMX).
 *   arch_blob_relax()          the processor's hint for loops that wait.
 */
#pragma once

#if defined(__x86_64__)
#include "sys/arch/x86_64/blob.h"
#else
#error "no interpreter for this architecture: add src/sys/arch/<name>/blob.h"
#endif
