/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob_code.h - the interpreter of programs (program.h) as bytes: position independent code without data of its own,
 * which runs wherever it is copied to. It is built from blob.c, alone, and embedded by scripts/embed.py.
 *
 * Its doors, as offsets from its start:
 *   BLOB_ENTRY  void entry(struct run *): runs on run->stack, never returns. The stack it is called on does not matter.
 *   BLOB_HOME   rt_sigreturn(2) with the frame that the stack pointer is at: see frame.h.
 */
#pragma once

#include <stddef.h>

#define BLOB_ENTRY 0
#define BLOB_HOME  16

extern const unsigned char blob_code[];
extern const size_t blob_size;
