/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - a signal frame made by hand: memory from which rt_sigreturn(2) restores a thread as it was at its stop, with its
 * registers, vector state and signal mask. Pure.
 *
 * The frame lies at an address that is a multiple of FRAME_ALIGN; rt_sigreturn is called with the stack pointer at
 * that address. A system call that the stop had interrupted is made again (interrupted_fix_restored(): the kernel's own restart
 * does not survive sigreturn). The alternate signal stack stays as it is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/inject/tracee.h"

#define FRAME_ALIGN 64

size_t frame_size(const struct tracee *t);
/* buf: frame_size() bytes, for address `at`. */
void frame_build(const struct tracee *t, uint64_t at, void *buf);
/* If buf begins with a frame made by frame_build(), its size; else 0. */
size_t frame_left(const void *buf, size_t size);
