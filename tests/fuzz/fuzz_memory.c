/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_memory.c - the parsers of the room checkpoint/memory. The first byte of the input chooses
 * one:
 *   'm' a text of /proc/PID/maps or smaps, 'n' of /proc/PID/stat, 'v' the code of a vdso.
 * What parses must be within its bounds; patching stays within the code.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "checkpoint/memory/dump.h"
#include "checkpoint/memory/maps.h"
#include "checkpoint/memory/vdso.h"

#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

static void check_maps(uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct maps_entry *v;
	size_t n;
	if (maps_parse((const char *)data, size, &arena, &v, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		REQUIRE(v[i].start < v[i].end && !((v[i].start | v[i].end) & 4095));
		REQUIRE(i == 0 || v[i].start >= v[i - 1].end);
		REQUIRE(strlen(v[i].name) <= size && strlen(v[i].unknown) <= 2);
		REQUIRE(v[i].prot <= 7);
	}
}

static void check_numbers(uint8_t *data, size_t size)
{
	struct memory_numbers n;
	char *text = calloc(1, size + 1);
	REQUIRE(text);
	memcpy(text, data, size);
	(void)!numbers_parse(text, &n);
	free(text);
}

static void check_vdso(uint8_t *data, size_t size)
{
	struct vdso_elf elf;
	if (vdso_parse(data, size, &elf) < 0)
		return;
	REQUIRE(elf.build_id_size <= sizeof(elf.build_id));
	for (size_t i = 0; i < VDSO_N; i++)
		REQUIRE(elf.function[i].offset <= size &&
			elf.function[i].size <= size - elf.function[i].offset);
	struct vdso_record r = { .vvar = 4096, .code = { data, size } };
	REQUIRE(vdso_equal(&r, &r));
	vdso_patch(data, size, &elf, 0x7fff00000000, &elf, 0x7fff10000000);
	vdso_patch(data, size, &elf, 0x7fff00000000, &elf, 0x10000000);
	vdso_patch(data, size, &elf, 0x7fff00000000, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	uint8_t *copy = malloc(size - 1 + !(size - 1)); /* with nothing behind it */
	REQUIRE(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] == 'm')
		check_maps(copy, size - 1);
	else if (data[0] == 'n')
		check_numbers(copy, size - 1);
	else if (data[0] == 'v')
		check_vdso(copy, size - 1);
	free(copy);
	return 0;
}
