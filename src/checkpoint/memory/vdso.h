/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vdso.h - the kernel's own code in every process: what is in it, and what to do when the image has
 * another kernel's.
 *
 * Programs keep the addresses of its functions (libc looks them up once), so they must stay good.
 * Is this kernel's vdso the image's, it is moved to the image's place. Else the image's code is put
 * there as private memory, and the entry of each function jumps to this kernel's, which lies
 * nearby. The old data page is all zeroes: old code that still runs (a thread stopped in it) takes
 * that for "no fast clock" and makes the system call.
 *
 * Parsing is bounded and fuzzed: the code of an image is hostile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "checkpoint/memory/memory_record.h"

enum vdso_function {
	VDSO_CLOCK_GETTIME,
	VDSO_GETTIMEOFDAY,
	VDSO_TIME,
	VDSO_GETCPU,
	VDSO_CLOCK_GETRES,
	VDSO_N,
};

/* What the ELF image of a vdso tells. */
struct vdso_elf {
	struct {
		uint64_t offset, size; /* 0, 0: there is none */
	} function[VDSO_N];
	uint8_t build_id[32];
	size_t build_id_size;
};

/* 0 or -EBADMSG: not a 64-bit ELF of this machine, or one that points out of itself. */
int vdso_parse(const void *code, size_t size, struct vdso_elf *ret) NODISCARD;

/* This kernel's, as every process of it has it. */
struct vdso_here {
	bool there;	/* false: booted with vdso=0 */
	uint64_t start; /* in this process */
	struct vdso_record record;
	struct vdso_elf elf;
};
const struct vdso_here *vdso_here(void);

/* Whether a process with the one would not notice the other. */
bool vdso_equal(const struct vdso_record *a, const struct vdso_record *b);

static inline uint64_t vdso_code_offset(const struct vdso_record *r)
{
	return r->vvar + r->vclock;
}

static inline uint64_t vdso_area_size(const struct vdso_record *r)
{
	return r->vvar + r->vclock + r->code.size;
}

/*
 * Makes the functions of old code, which will lie at old_base, go to those of `to`, whose code will
 * lie at new_base; to NULL, or without a function: to the system call. Functions too short for it
 * are left as they are.
 */
void vdso_patch(uint8_t *code, size_t size, const struct vdso_elf *old, uint64_t old_base,
		const struct vdso_elf *to, uint64_t new_base);
