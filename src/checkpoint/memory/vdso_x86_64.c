/* SPDX-License-Identifier: Apache-2.0 */
/* vdso_x86_64.c - the bytes of vdso_patch(), see vdso.h. */
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "checkpoint/memory/vdso.h"

#define NEAR_SIZE 5  /* jmp rel32 */
#define FAR_SIZE  12 /* mov imm64, %rax; jmp *%rax: rax holds nothing at a function's entry */
#define CALL_SIZE 8  /* mov imm32, %eax; syscall; ret */

static const uint32_t numbers[VDSO_N] = {
	[VDSO_CLOCK_GETTIME] = SYS_clock_gettime,
	[VDSO_GETTIMEOFDAY] = SYS_gettimeofday,
	[VDSO_TIME] = SYS_time,
	[VDSO_GETCPU] = SYS_getcpu,
	[VDSO_CLOCK_GETRES] = SYS_clock_getres,
};

static void put_jump(uint8_t *at, uint64_t room, uint64_t from, uint64_t to)
{
	int64_t distance = (int64_t)(to - (from + NEAR_SIZE));
	int32_t near = (int32_t)distance;
	if (near == distance && room >= NEAR_SIZE) {
		at[0] = 0xe9;
		memcpy(at + 1, &near, sizeof(near));
	} else if (room >= FAR_SIZE) {
		memcpy(at, (const uint8_t[]){ 0x48, 0xb8 }, 2);
		memcpy(at + 2, &to, sizeof(to));
		memcpy(at + 10, (const uint8_t[]){ 0xff, 0xe0 }, 2);
	}
}

static void put_call(uint8_t *at, uint64_t room, uint32_t nr)
{
	if (room < CALL_SIZE)
		return;
	at[0] = 0xb8;
	memcpy(at + 1, &nr, sizeof(nr));
	memcpy(at + 5, (const uint8_t[]){ 0x0f, 0x05, 0xc3 }, 3);
}

void vdso_patch(uint8_t *code, size_t size, const struct vdso_elf *old, uint64_t old_base,
		const struct vdso_elf *to, uint64_t new_base)
{
	for (size_t f = 0; f < VDSO_N; f++) {
		uint64_t at = old->function[f].offset, room = old->function[f].size;
		if (!at || at > size || room > size - at)
			continue;
		if (to && to->function[f].offset)
			put_jump(code + at, room, old_base + at, new_base + to->function[f].offset);
		else
			put_call(code + at, room, numbers[f]);
	}
}
