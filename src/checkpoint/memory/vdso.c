/* SPDX-License-Identifier: Apache-2.0 */
/* vdso.c - see vdso.h; which bytes a jump is made of is in vdso_x86_64.c. */
#include "checkpoint/memory/vdso.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/memory/maps.h"

#define MAX_SYMBOLS 1024 /* there are about 15 */
#define MAX_DYNAMIC 256

static const char *const function_names[VDSO_N] = {
	[VDSO_CLOCK_GETTIME] = "__vdso_clock_gettime",
	[VDSO_GETTIMEOFDAY] = "__vdso_gettimeofday",
	[VDSO_TIME] = "__vdso_time",
	[VDSO_GETCPU] = "__vdso_getcpu",
	[VDSO_CLOCK_GETRES] = "__vdso_clock_getres",
};

/* ---- the ELF image ---- */

struct elf {
	const uint8_t *p;
	size_t size;
	uint64_t base; /* the address that p was linked to */
};

static bool elf_holds(const struct elf *e, uint64_t at, uint64_t size)
{
	return at <= e->size && size <= e->size - at;
}

/* Copies, since nothing says that it is aligned. */
static bool elf_get(const struct elf *e, uint64_t at, void *to, size_t size)
{
	if (!elf_holds(e, at, size))
		return false;
	memcpy(to, e->p + at, size);
	return true;
}

struct dynamic {
	uint64_t symbols, strings, strings_size, hash, gnu_hash;
};

static void dynamic_add(const struct elf *e, const Elf64_Dyn *d, struct dynamic *ret)
{
	uint64_t address = d->d_un.d_ptr - e->base;
	if (d->d_tag == DT_SYMTAB)
		ret->symbols = address;
	else if (d->d_tag == DT_STRTAB)
		ret->strings = address;
	else if (d->d_tag == DT_STRSZ)
		ret->strings_size = d->d_un.d_val;
	else if (d->d_tag == DT_HASH)
		ret->hash = address;
	else if (d->d_tag == DT_GNU_HASH)
		ret->gnu_hash = address;
}

static bool dynamic_read(const struct elf *e, const Elf64_Phdr *ph, struct dynamic *ret)
{
	Elf64_Dyn d;
	for (size_t i = 0; i < MAX_DYNAMIC && (i + 1) * sizeof(d) <= ph->p_filesz; i++) {
		if (!elf_get(e, ph->p_offset + i * sizeof(d), &d, sizeof(d)))
			return false;
		if (d.d_tag == DT_NULL)
			break;
		dynamic_add(e, &d, ret);
	}
	return ret->symbols && ret->strings && elf_holds(e, ret->strings, ret->strings_size) &&
	       ret->strings_size;
}

/* The highest symbol of a GNU hash table: the end of the longest chain. 0: no such table. */
static uint32_t gnu_hash_count(const struct elf *e, uint64_t at)
{
	struct {
		uint32_t buckets, first, bloom, shift;
	} head;
	if (!elf_get(e, at, &head, sizeof(head)) || head.buckets > MAX_SYMBOLS ||
	    head.bloom > MAX_SYMBOLS || head.first > MAX_SYMBOLS)
		return 0;
	uint64_t buckets = at + sizeof(head) + 8 * (uint64_t)head.bloom;
	uint64_t chains = buckets + 4 * (uint64_t)head.buckets;
	uint32_t last = 0, v;
	for (uint32_t i = 0; i < head.buckets; i++) {
		if (!elf_get(e, buckets + 4 * (uint64_t)i, &v, sizeof(v)))
			return 0;
		last = MAX(last, v);
	}
	if (last < head.first)
		return 0;
	for (; last < MAX_SYMBOLS; last++)
		if (!elf_get(e, chains + 4 * (uint64_t)(last - head.first), &v, sizeof(v)) || v & 1)
			return last + 1;
	return 0;
}

static uint32_t symbol_count(const struct elf *e, const struct dynamic *d)
{
	uint32_t head[2]; /* buckets, chains: as many as symbols */
	if (d->hash && elf_get(e, d->hash, head, sizeof(head)))
		return MIN(head[1], (uint32_t)MAX_SYMBOLS);
	return d->gnu_hash ? gnu_hash_count(e, d->gnu_hash) : 0;
}

static bool name_is(const struct elf *e, const struct dynamic *d, uint32_t name, const char *want)
{
	size_t size = strlen(want) + 1;
	return name < d->strings_size && size <= d->strings_size - name &&
	       memcmp(e->p + d->strings + name, want, size) == 0;
}

static void symbols_read(const struct elf *e, const struct dynamic *d, struct vdso_elf *ret)
{
	uint32_t n = symbol_count(e, d);
	for (uint32_t i = 0; i < n; i++) {
		Elf64_Sym s;
		if (!elf_get(e, d->symbols + (uint64_t)i * sizeof(s), &s, sizeof(s)))
			return;
		uint64_t offset = s.st_value - e->base;
		if (s.st_shndx == SHN_UNDEF || !offset || !elf_holds(e, offset, s.st_size))
			continue;
		for (size_t f = 0; f < VDSO_N; f++)
			if (name_is(e, d, s.st_name, function_names[f])) {
				ret->function[f].offset = offset;
				ret->function[f].size = s.st_size;
			}
	}
}

static void notes_read(const struct elf *e, const Elf64_Phdr *ph, struct vdso_elf *ret)
{
	uint64_t at = ph->p_offset, end = at + ph->p_filesz;
	Elf64_Nhdr n;
	while (at < end && elf_get(e, at, &n, sizeof(n))) {
		uint64_t name = at + sizeof(n);
		uint64_t data = name + (((uint64_t)n.n_namesz + 3) & ~UINT64_C(3));
		char gnu[4];
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    elf_get(e, name, gnu, sizeof(gnu)) && memcmp(gnu, "GNU", 4) == 0 &&
		    n.n_descsz <= sizeof(ret->build_id) &&
		    elf_get(e, data, ret->build_id, n.n_descsz))
			ret->build_id_size = n.n_descsz;
		at = data + (((uint64_t)n.n_descsz + 3) & ~UINT64_C(3));
	}
}

static bool is_ours(const Elf64_Ehdr *h)
{
	return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_type == ET_DYN &&
	       h->e_machine == EM_X86_64 && h->e_phentsize == sizeof(Elf64_Phdr);
}

int vdso_parse(const void *code, size_t size, struct vdso_elf *ret)
{
	struct elf e = { .p = code, .size = size };
	struct vdso_elf elf = { 0 };
	struct dynamic d = { 0 };
	Elf64_Ehdr h;
	Elf64_Phdr ph;
	bool loaded = false;
	if (!elf_get(&e, 0, &h, sizeof(h)) || !is_ours(&h))
		return -EBADMSG;
	for (size_t i = 0; i < h.e_phnum && !loaded; i++) {
		if (!elf_get(&e, h.e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			return -EBADMSG;
		loaded = ph.p_type == PT_LOAD;
		if (loaded)
			e.base = ph.p_vaddr - ph.p_offset;
	}
	for (size_t i = 0; i < h.e_phnum; i++) {
		if (!elf_get(&e, h.e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			return -EBADMSG;
		if (ph.p_type == PT_DYNAMIC && !dynamic_read(&e, &ph, &d))
			return -EBADMSG;
		if (ph.p_type == PT_NOTE && elf_holds(&e, ph.p_offset, ph.p_filesz))
			notes_read(&e, &ph, &elf);
	}
	if (!loaded || !d.symbols)
		return -EBADMSG;
	symbols_read(&e, &d, &elf);
	*ret = elf;
	return 0;
}

bool vdso_equal(const struct vdso_record *a, const struct vdso_record *b)
{
	struct vdso_elf x, y;
	if (a->vvar != b->vvar || a->vclock != b->vclock || a->code.size != b->code.size)
		return false;
	if (memcmp(a->code.data, b->code.data, a->code.size) == 0)
		return true;
	/*
	 * the same build, made fit for another processor by the kernel's alternatives: nothing is
	 * moved by that
	 */
	return vdso_parse(a->code.data, a->code.size, &x) == 0 &&
	       vdso_parse(b->code.data, b->code.size, &y) == 0 && x.build_id_size &&
	       x.build_id_size == y.build_id_size &&
	       memcmp(x.build_id, y.build_id, x.build_id_size) == 0 &&
	       memcmp(x.function, y.function, sizeof(x.function)) == 0;
}

/* ---- this kernel's ---- */

/* The same for all processes as long as the kernel runs, hence read once. */
static struct vdso_here here;
static pthread_once_t here_once = PTHREAD_ONCE_INIT;

static void here_read(void)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_ARENA struct arena arena = { 0 };
	struct maps_entry *v;
	size_t n;
	if (!getauxval(AT_SYSINFO_EHDR) ||
	    file_read(AT_FDCWD, "/proc/self/maps", 64u << 20, &text) < 0 ||
	    maps_parse(buf_str(&text), text.len, &arena, &v, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t size = v[i].end - v[i].start;
		if (str_eq(v[i].name, "[vvar]"))
			here.record.vvar = size;
		else if (str_eq(v[i].name, "[vvar_vclock]"))
			here.record.vclock = size;
		else if (str_eq(v[i].name, "[vdso]"))
			here.record.code = (struct bytes){ (void *)(uintptr_t)v[i].start, size };
	}
	uint64_t code = (uint64_t)(uintptr_t)here.record.code.data;
	here.start = code - vdso_code_offset(&here.record);
	here.there =
		code && vdso_parse(here.record.code.data, here.record.code.size, &here.elf) == 0;
}

const struct vdso_here *vdso_here(void)
{
	(void)pthread_once(&here_once, here_read);
	return &here;
}
