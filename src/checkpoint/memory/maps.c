/* SPDX-License-Identifier: Apache-2.0 */
/* maps.c - see maps.h. */
#include "checkpoint/memory/maps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/file.h"

#define PAGE_MASK   4095u
#define SMAPS_MAX   (1u << 30) /* a MiB per thousand mappings */
#define ADDRESS_MAX UINT64_C(0xfffffffffffff000)

/* What is left of a line. */
struct scan {
	const char *p, *end;
};

/* ---- pieces of a line ---- */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool scan_number(struct scan *s, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	const char *first = s->p;
	for (; s->p < s->end; s->p++) {
		unsigned d = (unsigned)digit_value(*s->p);
		if (d >= base)
			break;
		if (v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return s->p > first;
}

static bool scan_u32(struct scan *s, unsigned base, uint32_t *ret)
{
	uint64_t v;
	if (!scan_number(s, base, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool scan_char(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void scan_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

static bool scan_key(struct scan *s, const char *key)
{
	size_t n = strlen(key);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, key, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* ---- the line of a mapping ---- */

static bool scan_permissions(struct scan *s, struct maps_entry *e)
{
	static const struct {
		char letter;
		uint32_t prot;
	} bits[] = { { 'r', PROT_READ }, { 'w', PROT_WRITE }, { 'x', PROT_EXEC } };
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if (scan_char(s, bits[i].letter))
			e->prot |= bits[i].prot;
		else if (!scan_char(s, '-'))
			return false;
	}
	e->shared = scan_char(s, 's');
	return e->shared || scan_char(s, 'p');
}

/* The kernel writes a newline as \012 and leaves all else as it is. */
static const char *name_unescape(struct arena *arena, const char *p, const char *end)
{
	char *name = arena_alloc(arena, (size_t)(end - p) + 1);
	size_t n = 0;
	while (p < end) {
		bool newline = end - p >= 4 && memcmp(p, "\\012", 4) == 0;
		name[n++] = newline ? '\n' : *p;
		p += newline ? 4 : 1;
	}
	return name;
}

static bool header_parse(struct scan s, struct arena *arena, struct maps_entry *e)
{
	if (!scan_number(&s, 16, &e->start) || !scan_char(&s, '-') ||
	    !scan_number(&s, 16, &e->end) || !scan_char(&s, ' ') || !scan_permissions(&s, e) ||
	    !scan_char(&s, ' ') || !scan_number(&s, 16, &e->offset) || !scan_char(&s, ' ') ||
	    !scan_u32(&s, 16, &e->dev_major) || !scan_char(&s, ':') ||
	    !scan_u32(&s, 16, &e->dev_minor) || !scan_char(&s, ' ') ||
	    !scan_number(&s, 10, &e->inode))
		return false;
	if (s.p < s.end && *s.p != ' ')
		return false;
	if ((e->start | e->end | e->offset) & PAGE_MASK || e->start >= e->end ||
	    e->end > ADDRESS_MAX)
		return false;
	scan_blanks(&s);
	if (memchr(s.p, '\0', (size_t)(s.end - s.p)))
		return false;
	e->name = name_unescape(arena, s.p, s.end);
	return true;
}

/* ---- the lines below it in smaps ---- */

static const struct {
	char letters[3];
	uint32_t flag;
} vm_flags[] = {
	{ "mw", MAPS_MAYWRITE },
	{ "gd", MAPS_GROWSDOWN },
	{ "pf", MAPS_PFNMAP },
	{ "io", MAPS_IO },
	{ "lo", MAPS_LOCKED },
	{ "lf", MAPS_LOCKED_ONFAULT },
	{ "sr", MAPS_SEQUENTIAL },
	{ "rr", MAPS_RANDOM },
	{ "dc", MAPS_DONTFORK },
	{ "ac", MAPS_ACCOUNT },
	{ "nr", MAPS_NORESERVE },
	{ "ht", MAPS_HUGETLB },
	{ "sf", MAPS_SYNC },
	{ "wf", MAPS_WIPEONFORK },
	{ "dd", MAPS_DONTDUMP },
	{ "hg", MAPS_HUGEPAGE },
	{ "nh", MAPS_NOHUGEPAGE },
	{ "mg", MAPS_MERGEABLE },
	{ "um", MAPS_UFFD },
	{ "uw", MAPS_UFFD },
	{ "ui", MAPS_UFFD },
	{ "ss", MAPS_SHADOW_STACK },
	{ "sl", MAPS_SEALED },
	{ "dp", MAPS_DROPPABLE },
	/* the permissions again, and what the kernel keeps for itself */
	{ "rd", 0 },
	{ "wr", 0 },
	{ "ex", 0 },
	{ "sh", 0 },
	{ "mr", 0 },
	{ "me", 0 },
	{ "ms", 0 },
	{ "de", 0 }, /* may not grow by mremap(2): follows from what is mapped */
	{ "ar", 0 }, /* x86: page attributes of a pf mapping */
	{ "dw", 0 }, /* 5.14 and before */
	{ "sd", 0 }, /* soft-dirty */
	{ "gu", 0 }, /* may have guard pages: they are looked for anyway */
	{ "mm", 0 }, /* pages and frames mixed: follows from what is mapped */
};

static void flags_parse(struct scan s, struct maps_entry *e)
{
	for (scan_blanks(&s); s.end - s.p >= 2; scan_blanks(&s)) {
		size_t i = 0;
		/*
		 * VM_LOCKONFAULT has no letters in older kernels (6.1), unlike all others of theirs
		 */
		if (memcmp(s.p, "??", 2) == 0 && e->flags & MAPS_LOCKED) {
			e->flags |= MAPS_LOCKED_ONFAULT;
			s.p += 2;
			continue;
		}
		while (i < ARRAY_SIZE(vm_flags) && memcmp(vm_flags[i].letters, s.p, 2) != 0)
			i++;
		if (i < ARRAY_SIZE(vm_flags))
			e->flags |= vm_flags[i].flag;
		else if (!e->unknown[0])
			memcpy(e->unknown, s.p, 2);
		s.p += 2;
	}
	e->detailed = true;
}

/* "Swap:        12 kB" added up. */
static bool bytes_add(struct scan s, uint64_t *sum)
{
	uint64_t kb;
	scan_blanks(&s);
	if (!scan_number(&s, 10, &kb) || kb > UINT64_MAX / 2048 || *sum > UINT64_MAX / 2)
		return false;
	*sum += kb * 1024;
	return true;
}

static bool detail_parse(struct scan s, struct maps_entry *e)
{
	if (scan_key(&s, "VmFlags:")) {
		flags_parse(s, e);
		return true;
	}
	if (scan_key(&s, "Anonymous:") || scan_key(&s, "Private_Hugetlb:"))
		return bytes_add(s, &e->own);
	if (scan_key(&s, "Swap:") || scan_key(&s, "Shared_Hugetlb:"))
		return bytes_add(s, &e->own) && bytes_add(s, &e->common);
	if (scan_key(&s, "Shared_Clean:") || scan_key(&s, "Shared_Dirty:"))
		return bytes_add(s, &e->common);
	if (scan_key(&s, "KernelPageSize:"))
		return bytes_add(s, &e->page);
	if (scan_key(&s, "ProtectionKey:")) {
		scan_blanks(&s);
		return scan_u32(&s, 10, &e->key);
	}
	return true;
}

/* ---- the whole ---- */

static bool is_header(struct scan s)
{
	uint64_t v;
	return scan_number(&s, 16, &v) && scan_char(&s, '-');
}

int maps_parse(const char *text, size_t size, struct arena *arena, struct maps_entry **ret,
	       size_t *ret_n)
{
	struct maps_entry *v = NULL, *e = NULL;
	size_t n = 0;
	uint64_t above = 0;
	for (const char *p = text, *end = text + size; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct scan line = { p, eol ? eol : end };
		p = eol ? eol + 1 : end;
		if (is_header(line)) {
			e = arena_push(arena, v, n);
			memset(e, 0, sizeof(*e));
			if (!header_parse(line, arena, e) || e->start < above)
				return -EINVAL;
			above = e->end;
		} else if (!e || !detail_parse(line, e)) {
			return -EINVAL;
		}
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

int maps_read(int proc, pid_t pid, bool detailed, struct arena *arena, struct maps_entry **ret,
	      size_t *ret_n)
{
	char path[64];
	CLEANUP_BUF struct buf text = BUF_INIT;
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, detailed ? "smaps" : "maps");
	int r = file_read(proc, path, SMAPS_MAX, &text);
	return r < 0 ? r : maps_parse(buf_str(&text), text.len, arena, ret, ret_n);
}
