/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c - what needs no other process: the parsers of address spaces, holes, the vdso's ELF
 * and its patches, what is refused on dump and in an image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "checkpoint/memory/maps.h"
#include "checkpoint/memory/memory.h"
#include "checkpoint/memory/space.h"
#include "memory_objects.h"

#define PAGE 4096u

/* ---- maps ---- */

static int parse(const char *text, struct arena *arena, struct maps_entry **v, size_t *n)
{
	return maps_parse(text, strlen(text), arena, v, n);
}

static void maps_are_read(void **state UNUSED)
{
	static const char text[] =
		"555555554000-555555556000 r--p 00002000 fe:01 247134     /usr/bin/cat\n"
		"7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
		"7f0000030000-7f0000031000 -wxs 00000000 00:01 12 /tmp/a\\012b (deleted)\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  "
		"[vsyscall]\n";
	CLEANUP_ARENA struct arena arena = { 0 };
	struct maps_entry *v;
	size_t n;
	assert_int_equal(parse(text, &arena, &v, &n), 0);
	assert_int_equal(n, 4);
	assert_true(v[0].start == 0x555555554000 && v[0].end == 0x555555556000);
	assert_int_equal(v[0].offset, 0x2000);
	assert_int_equal(v[0].dev_major, 0xfe);
	assert_int_equal(v[0].dev_minor, 1);
	assert_int_equal(v[0].inode, 247134);
	assert_string_equal(v[0].name, "/usr/bin/cat");
	assert_int_equal(v[0].prot, PROT_READ);
	assert_false(v[0].shared || v[0].detailed);
	assert_string_equal(v[1].name, "");
	assert_int_equal(v[1].prot, PROT_READ | PROT_WRITE);
	assert_int_equal(v[2].prot, PROT_WRITE | PROT_EXEC);
	assert_true(v[2].shared);
	assert_string_equal(v[2].name, "/tmp/a\nb (deleted)");
	assert_string_equal(v[3].name, "[vsyscall]");
	assert_int_equal(parse("", &arena, &v, &n), 0);
	assert_int_equal(n, 0);
}

static void details_are_read(void **state UNUSED)
{
	static const char text[] =
		"7f0000000000-7f0000400000 rw-p 00000000 00:00 0                    [anon:pool]\n"
		"Size:               4096 kB\nKernelPageSize:     2048 kB\nMMUPageSize:           "
		"4 kB\n"
		"Shared_Clean:          8 kB\nShared_Dirty:          4 kB\nAnonymous:            "
		"16 kB\n"
		"Swap:                  4 kB\nProtectionKey:         3\n"
		"VmFlags: rd wr mr mw me lo lf dc hg zz sd \n";
	CLEANUP_ARENA struct arena arena = { 0 };
	struct maps_entry *v;
	size_t n;
	assert_int_equal(parse(text, &arena, &v, &n), 0);
	assert_int_equal(n, 1);
	assert_true(v->detailed);
	assert_int_equal(v->page, 2048 * 1024);
	assert_int_equal(v->own, 20 * 1024);
	assert_int_equal(v->common, 16 * 1024);
	assert_int_equal(v->key, 3);
	assert_int_equal(v->flags, MAPS_MAYWRITE | MAPS_LOCKED | MAPS_LOCKED_ONFAULT |
					   MAPS_DONTFORK | MAPS_HUGEPAGE);
	assert_string_equal(v->unknown, "zz");
	/* Linux 6.1 has no letters for it */
	static const char old[] = "1000-2000 rw-p 00000000 00:00 0 \nVmFlags: rd lo ac ?? \n"
				  "2000-3000 rw-p 00000000 00:00 0 \nVmFlags: rd ac ?? \n";
	assert_int_equal(parse(old, &arena, &v, &n), 0);
	assert_int_equal(v[0].flags, MAPS_LOCKED | MAPS_LOCKED_ONFAULT | MAPS_ACCOUNT);
	assert_string_equal(v[0].unknown, "");
	assert_string_equal(v[1].unknown, "??");
}

static void wrong_maps_are_refused(void **state UNUSED)
{
	static const char *const texts[] = {
		"nonsense\n",
		"VmFlags: rd\n",
		"1000-2000 rw-p 0 00:00 0\n2000-3000\n",
		"1000-1000 rw-p 00000000 00:00 0 \n",
		"2000-1000 rw-p 00000000 00:00 0 \n",
		"1001-2000 rw-p 00000000 00:00 0 \n",
		"1000-2000 rw-q 00000000 00:00 0 \n",
		"1000-2000 rwzp 00000000 00:00 0 \n",
		"1000-2000 rw-p 00000001 00:00 0 \n",
		"1000-2000 rw-p 00000000 00-00 0 \n",
		"1000-2000 rw-p 00000000 00:00 0x\n",
		"1000-10000000000002000 rw-p 00000000 00:00 0 \n",
		"1000-3000 rw-p 00000000 00:00 0 \n2000-4000 rw-p 00000000 00:00 0 \n",
		"1000-2000 rw-p 00000000 00:00 0 \nSwap: kB\n",
	};
	CLEANUP_ARENA struct arena arena = { 0 };
	struct maps_entry *v;
	size_t n;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (parse(texts[i], &arena, &v, &n) != -EINVAL)
			fail_msg("taken for maps: %s", texts[i]);
}

static void numbers_are_read(void **state UNUSED)
{
	struct memory_numbers n;
	static const char text[] =
		"7 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 "
		"23 24 25 1026 1027 1028 29 30 31 32 33 34 35 36 37 38 39 40 41 42 "
		"43 44 1045 1046 1047 1048 1049 1050 1051 0\n";
	assert_int_equal(numbers_parse(text, &n), 0);
	assert_int_equal(n.start_code, 1026);
	assert_int_equal(n.end_code, 1027);
	assert_int_equal(n.start_stack, 1028);
	assert_int_equal(n.start_data, 1045);
	assert_int_equal(n.start_brk, 1047);
	assert_int_equal(n.env_end, 1051);
	assert_int_equal(numbers_parse("7 (a) S 3 4", &n), -EINVAL);
	assert_int_equal(numbers_parse("7 (a", &n), -EINVAL);
	assert_int_equal(numbers_parse("", &n), -EINVAL);
}

/* ---- what a dump refuses ---- */

static void mappings_are_refused_by_name(void **state UNUSED)
{
	static const struct {
		struct maps_entry e;
		const char *why; /* NULL: it is carried */
	} rows[] = {
		{ { .name = "", .flags = MAPS_MAYWRITE }, NULL },
		{ { .name = "[heap]" }, NULL },
		{ { .name = "[anon:x]" }, NULL },
		{ { .name = "/usr/lib/libc.so.6" }, NULL },
		{ { .name = "", .key = 1, .prot = PROT_EXEC }, NULL },
		{ { .name = "", .key = 1, .prot = PROT_READ }, "protection key" },
		{ { .name = "/[aio] (deleted)" }, "asynchronous" },
		{ { .name = "anon_inode:[io_uring]" }, "io_uring" },
		{ { .name = "anon_inode:[perf_event]" }, "of the kernel" },
		{ { .name = "socket:[12]" }, "packet ring" },
		{ { .name = "/secretmem (deleted)" }, "memfd_secret" },
		{ { .name = "/SYSV00000000 (deleted)" }, "System V" },
		{ { .name = "[uprobes]" }, "probe" },
		{ { .name = "[news]" }, "does not know" },
		{ { .name = "/dev/mem", .flags = MAPS_IO | MAPS_PFNMAP }, "device" },
		{ { .name = "", .flags = MAPS_UFFD }, "userfaultfd" },
		{ { .name = "", .flags = MAPS_SHADOW_STACK }, "shadow stack" },
		{ { .name = "/mnt/pmem", .flags = MAPS_SYNC }, "MAP_SYNC" },
		{ { .name = "", .unknown = "zz" }, "\"zz\"" },
	};
	CLEANUP_ARENA struct arena arena = { 0 };
	struct collect c = { .objects = &files, .arena = &arena, .init = 1 };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct maps_entry e = rows[i].e;
		e.start = 0x100000;
		e.end = 0x200000;
		size_t before = c.n_refusals;
		assert_int_equal(mapping_refuse(&c, getpid(), &e), rows[i].why != NULL);
		assert_int_equal(c.n_refusals - before, rows[i].why ? 1 : 0);
		if (!rows[i].why)
			continue;
		const struct refusal *r = &c.refusals[c.n_refusals - 1];
		assert_non_null(strstr(r->why, rows[i].why));
		assert_non_null(strstr(r->object, "100000-200000"));
		assert_true(r->remedy[0]);
	}
	struct maps_entry low = { .name = "", .start = 0x1000, .end = 0x2000 };
	assert_true(mapping_refuse(&c, getpid(), &low));
}

/* ---- holes ---- */

static void holes_are_free_in_all(void **state UNUSED)
{
	const uint64_t gib = UINT64_C(1) << 30;
	struct mapping_record one[] = { { .start = 0x10000, .end = 0x400000 },
					{ .start = 0x200000000000, .end = 0x300000000000 } };
	struct mapping_record two[] = {
		{ .start = 0x2fff00000000, .end = 0x400000001000 },
		{ .start = 0x400000002000, .end = 0x7fffffffe000, .flags = MAPPING_GROWSDOWN }
	};
	struct memory a = { .maps = one, .n_maps = 2 }, b = { .maps = two, .n_maps = 2 };
	struct memory *both[] = { &a, &b };
	uint64_t at = memory_find_hole(both, 2, 64 * gib);
	assert_true(at >= 0x400000 && at + 64 * gib <= 0x200000000000);
	/* the page between the two would be in the way of the stack */
	assert_int_equal(memory_find_hole(&both[1], 1, PAGE) & (PAGE - 1), 0);
	at = memory_find_hole(&both[0], 1, gib);
	assert_int_equal(at, 0x300000000000);
	one[0] = (struct mapping_record){ .start = 0x10000, .end = SPACE_END_4 - PAGE };
	a.n_maps = 1;
	assert_int_equal(memory_find_hole(both, 1, PAGE), SPACE_END_4 - PAGE);
	assert_int_equal(memory_find_hole(both, 1, 2 * PAGE), 0);
	assert_int_equal(memory_find_hole(both, 2, PAGE), SPACE_END_4 - PAGE);
	assert_int_equal(memory_find_hole(both, 2, 0), 0);
	assert_true(memory_find_hole(NULL, 0, gib) != 0);
}

/* ---- the vdso ---- */

static void own_vdso_is_read(void **state UNUSED)
{
	const struct vdso_here *here = vdso_here();
	if (!here->there)
		skip();
	const struct vdso_record *r = &here->record;
	void *lib = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(lib);
	static const char *const names[VDSO_N] = { "__vdso_clock_gettime", "__vdso_gettimeofday",
						   "__vdso_time", "__vdso_getcpu",
						   "__vdso_clock_getres" };
	for (size_t i = 0; i < VDSO_N; i++) {
		uint8_t *at = dlsym(lib, names[i]);
		assert_ptr_equal(at, here->elf.function[i].offset + (uint8_t *)r->code.data);
		assert_in_range(here->elf.function[i].size, 8, PAGE);
	}
	dlclose(lib);
	assert_in_range(here->elf.build_id_size, 8, 32);
	assert_true(vdso_equal(r, r));
	/* cut anywhere, or with any bytes changed, it is read within its bounds */
	struct vdso_elf elf;
	for (size_t size = 0; size < r->code.size; size += 61) {
		uint8_t *copy = malloc(size ? size : 1);
		memcpy(copy, r->code.data, size);
		IGNORE_RESULT(vdso_parse(copy, size, &elf));
		free(copy);
	}
	assert_int_equal(vdso_parse(r->code.data, 63, &elf), -EBADMSG);
}

static void other_vdsos_are_told_apart(void **state UNUSED)
{
	const struct vdso_record *r = &vdso_here()->record;
	if (!vdso_here()->there)
		skip();
	uint8_t *copy = malloc(r->code.size);
	memcpy(copy, r->code.data, r->code.size);
	struct vdso_record other = *r;
	other.code.data = copy;
	struct vdso_elf elf;
	assert_int_equal(vdso_parse(copy, r->code.size, &elf), 0);
	copy[elf.function[VDSO_TIME].offset] ^= 1; /* as alternatives do */
	assert_true(vdso_equal(r, &other));
	uint8_t *id = memmem(copy, r->code.size, elf.build_id, elf.build_id_size);
	assert_non_null(id);
	*id ^= 1;
	assert_false(vdso_equal(r, &other));
	memcpy(copy, r->code.data, r->code.size);
	other.vvar += PAGE;
	assert_false(vdso_equal(r, &other));
	free(copy);
}

static void patches_are_jumps(void **state UNUSED)
{
	uint8_t code[128] = { 0 };
	struct vdso_elf old = { 0 }, to = { 0 };
	old.function[VDSO_TIME].offset = 16;
	old.function[VDSO_TIME].size = 16;
	old.function[VDSO_GETCPU].offset = 64;
	old.function[VDSO_GETCPU].size = 4; /* too short for anything */
	old.function[VDSO_CLOCK_GETTIME].offset = 120;
	old.function[VDSO_CLOCK_GETTIME].size = 16; /* behind the end */
	to = old;
	to.function[VDSO_TIME].offset = 0x40;
	vdso_patch(code, sizeof(code), &old, 0x10000000, &to, 0x20000000);
	int32_t distance;
	memcpy(&distance, code + 17, 4);
	assert_int_equal(code[16], 0xe9);
	assert_int_equal(0x10000000 + 16 + 5 + distance, 0x20000040);
	for (size_t i = 24; i < sizeof(code); i++)
		assert_int_equal(code[i], 0);
	vdso_patch(code, sizeof(code), &old, 0x10000000, &to, 0x700000000000);
	uint64_t far;
	memcpy(&far, code + 18, 8);
	assert_true(far == 0x700000000040);
	vdso_patch(code, sizeof(code), &old, 0x10000000, NULL, 0);
	assert_memory_equal(code + 16, ((uint8_t[]){ 0xb8, 201, 0, 0, 0, 0x0f, 0x05, 0xc3 }), 8);
}

/* ---- images ---- */

/* A small space that is right; a test makes one thing wrong. */
struct sample {
	struct mapping_record maps[4];
	uint64_t pages[6];
	uint64_t guards[2];
	struct memory_record r;
	struct vdso_record vdso;
	uint8_t code[VDSO_CODE_MAX]; /* of another vdso */
};

static void sample_make(struct sample *s, uint64_t first_page)
{
	*s = (struct sample){
		.maps = { { .start = 0x400000, .end = 0x410000, .prot = PROT_READ, .file = 1 },
			  { .start = 0x410000, .end = 0x420000, .prot = PROT_READ | PROT_WRITE },
			  { .start = 0x600000,
			    .end = 0x800000,
			    .prot = PROT_READ,
			    .flags = MAPPING_SHARED,
			    .file = 2,
			    .offset = 0x1000 },
			  { .start = 0x800000, .end = 0x900000, .flags = MAPPING_NORESERVE } },
		.pages = { 0x40f000, 2, first_page, 0x41f000, 1, first_page + PAGE },
		.guards = { 0x800000, 1 },
	};
	s->r.maps = (struct list){ s->maps, 4 };
	s->r.pages = (struct u64s){ s->pages, 6 };
	s->r.guards = (struct u64s){ s->guards, 2 };
	s->r.numbers = (struct memory_numbers){ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	s->r.vdso = 1;
	s->r.vdso_start = 0x7fff00000000;
	s->vdso = vdso_here()->record;
}

static int sample_load(void (*spoil)(struct sample *s), struct arena *arena, struct memory **ret,
		       struct error *err)
{
	CLEANUP_FD int fd = memfd_create("image", MFD_CLOEXEC);
	CLEANUP_IMAGE_WRITER struct image_writer *w = NULL;
	CLEANUP_IMAGE struct image *img = NULL;
	static const uint8_t pages[2 * PAGE] = { 1 };
	struct sample s;
	uint64_t offset;
	assert_int_equal(image_writer_new(fd, &w, err), 0);
	assert_int_equal(image_pages_begin(w, err), 0);
	assert_int_equal(image_pages_write(w, pages, 2, &offset, err), 0);
	assert_int_equal(image_pages_end(w, err), 0);
	sample_make(&s, offset);
	spoil(&s);
	assert_int_equal(image_put(w, "vdso", 1, vdso_record_fields, &s.vdso, err), 0);
	assert_int_equal(image_put(w, "mm", 5, memory_record_fields, &s.r, err), 0);
	assert_int_equal(image_finish(w, NULL, err), 0);
	assert_int_equal(image_open(fd, &img, err), 0);
	return memory_load(img, 5, arena, ret, err);
}

#define SPOIL(name, ...)                                                                           \
	static void spoil_##name(struct sample *s)                                                 \
	{                                                                                          \
		__VA_ARGS__;                                                                       \
	}
SPOIL(nothing, (void)s)
SPOIL(order, s->maps[1].start = 0x300000; s->maps[1].end = 0x301000; s->r.pages.n = 0)
SPOIL(overlap, s->maps[1].start = 0x40f000)
SPOIL(kernel, s->maps[3].end = UINT64_C(0xffff800000000000))
SPOIL(low, s->maps[0].start = 0x1000; s->maps[0].end = 0x2000; s->r.pages.n = 0)
SPOIL(empty, s->maps[3].end = s->maps[3].start; s->r.guards.n = 0)
SPOIL(unaligned, s->maps[3].end += 1)
SPOIL(prot, s->maps[0].prot = 8)
SPOIL(flags, s->maps[0].flags = 1u << 16)
SPOIL(offset, s->maps[0].offset = INT64_MAX & ~UINT64_C(4095))
SPOIL(anon_shared, s->maps[3].flags = MAPPING_SHARED)
SPOIL(anon_offset, s->maps[3].offset = PAGE)
SPOIL(file_grows, s->maps[0].flags = MAPPING_GROWSDOWN)
SPOIL(huge_size, s->maps[3].flags = MAPPING_HUGETLB; s->maps[3].page_shift = 12)
SPOIL(huge_place, s->maps[3].flags = MAPPING_HUGETLB; s->maps[3].page_shift = 21)
SPOIL(small_size, s->maps[3].page_shift = 21)
SPOIL(cut, s->r.pages.n = 5)
SPOIL(page_place, s->pages[3] = 0x500000)
SPOIL(page_shared, s->pages[3] = 0x600000)
SPOIL(page_order, s->pages[3] = 0x410000)
SPOIL(page_over, s->pages[1] = 0x12)
SPOIL(page_many, s->pages[1] = UINT64_MAX)
SPOIL(page_none, s->pages[4] = 0)
SPOIL(page_unaligned, s->pages[3] += 8)
SPOIL(page_offset, s->pages[2] = 0)
SPOIL(page_offset_half, s->pages[2] += 8)
SPOIL(page_offset_end, s->pages[5] += PAGE)
SPOIL(page_offset_far, s->pages[5] = UINT64_C(1) << 62)
SPOIL(guard_place, s->guards[0] = 0x500000)
SPOIL(guard_many, s->guards[1] = 0x1000)
SPOIL(guard_cut, s->r.guards.n = 1)
SPOIL(numbers, s->r.numbers.brk = 1)
SPOIL(numbers_high, s->r.numbers.env_end = UINT64_MAX)
SPOIL(auxv, s->r.auxv = ((struct bytes){ s, 24 }))
SPOIL(vdso_none, s->r.vdso = 2)
SPOIL(vdso_over, s->r.vdso_start = 0x7ff000)
SPOIL(vdso_high, s->r.vdso_start = SPACE_END_5 - PAGE)
SPOIL(vdso_unaligned, s->r.vdso_start += 8)
SPOIL(vdso_no_elf, s->vdso.code = ((struct bytes){ s->code, PAGE }))
SPOIL(vdso_vvar, s->vdso.vvar = UINT64_C(1) << 62)

static void images_are_checked(void **state UNUSED)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct error err = ERROR_INIT;
	struct memory *m;
	if (!vdso_here()->there)
		skip();
	assert_int_equal(sample_load(spoil_nothing, &arena, &m, &err), 0);
	assert_int_equal(m->n_maps, 4);
	assert_int_equal(m->n_pages, 2);
	assert_int_equal(memory_bytes(m), 3 * PAGE);
	assert_false(m->vdso.stale);
	CLEANUP_BUF struct buf text = BUF_INIT;
	memory_print(m, &text);
	assert_non_null(strstr(buf_str(&text), "000000410000-000000420000 rw-p       64 KiB  "
					       "8 KiB in the image\n"));
	assert_non_null(strstr(buf_str(&text), "r--s     2048 KiB  file 2 at 1000"));
	static void (*const spoils[])(struct sample * s) = {
		spoil_order,
		spoil_overlap,
		spoil_kernel,
		spoil_low,
		spoil_empty,
		spoil_unaligned,
		spoil_prot,
		spoil_flags,
		spoil_offset,
		spoil_anon_shared,
		spoil_anon_offset,
		spoil_file_grows,
		spoil_huge_size,
		spoil_huge_place,
		spoil_small_size,
		spoil_cut,
		spoil_page_place,
		spoil_page_shared,
		spoil_page_order,
		spoil_page_over,
		spoil_page_many,
		spoil_page_none,
		spoil_page_unaligned,
		spoil_page_offset,
		spoil_page_offset_half,
		spoil_page_offset_end,
		spoil_page_offset_far,
		spoil_guard_place,
		spoil_guard_many,
		spoil_guard_cut,
		spoil_numbers,
		spoil_numbers_high,
		spoil_auxv,
		spoil_vdso_over,
		spoil_vdso_high,
		spoil_vdso_unaligned,
		spoil_vdso_no_elf,
		spoil_vdso_vvar,
	};
	for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
		error_clear(&err);
		if (sample_load(spoils[i], &arena, &m, &err) != -EBADMSG)
			fail_msg("taken for an address space: number %zu", i);
		assert_true(err.why[0] && err.object[0]);
	}
	assert_int_equal(sample_load(spoil_vdso_none, &arena, &m, &err), -ENOENT);
}

/* The vdso of another kernel: this one's comes nearby, where nothing is. */
static void spoil_vdso_other(struct sample *s)
{
	memcpy(s->code, s->vdso.code.data, s->vdso.code.size);
	uint8_t *id = memmem(s->code, s->vdso.code.size, vdso_here()->elf.build_id,
			     vdso_here()->elf.build_id_size);
	*id ^= 1;
	s->vdso.code.data = s->code;
}

static void other_vdso_is_placed(void **state UNUSED)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct error err = ERROR_INIT;
	struct memory *m;
	if (!vdso_here()->there)
		skip();
	assert_int_equal(sample_load(spoil_vdso_other, &arena, &m, &err), 0);
	assert_true(m->vdso.stale);
	uint64_t size = vdso_area_size(m->vdso.record), start, code;
	memory_vdso(m, &start, &code);
	assert_true(start >= 0x7fff00000000 + size || start + size <= 0x7fff00000000);
	assert_true(start - 0x7fff00000000 < 1u << 30 || 0x7fff00000000 - start < 1u << 30);
	assert_int_equal(code - start, vdso_code_offset(&vdso_here()->record));
	assert_true(memory_vdso_stale(m, 0x7fff00000000 + vdso_code_offset(m->vdso.record)));
	assert_false(memory_vdso_stale(m, code));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_read),
		cmocka_unit_test(details_are_read),
		cmocka_unit_test(wrong_maps_are_refused),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(mappings_are_refused_by_name),
		cmocka_unit_test(holes_are_free_in_all),
		cmocka_unit_test(own_vdso_is_read),
		cmocka_unit_test(other_vdsos_are_told_apart),
		cmocka_unit_test(patches_are_jumps),
		cmocka_unit_test(images_are_checked),
		cmocka_unit_test(other_vdso_is_placed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
