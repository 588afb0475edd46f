/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.c - what /proc tells of an address space as a whole, see dump.h. Source: proc_pid_stat(5),
 * prctl(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "checkpoint/memory/space.h"

#define TEXT_MAX       (1u << 20)
#define DEFAULT_FILTER 0x33

static int text_read(struct collect *c, pid_t pid, const char *name, struct buf *out,
		     struct error *err)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	int r = file_read(c->proc, path, TEXT_MAX, out);
	return r < 0 ? error_sys(err, -r, "cannot read /proc/%s", path) : 0;
}

/* Its end is the pair AT_NULL. */
static int auxv_read(struct collect *c, pid_t pid, struct arena *arena, struct bytes *ret,
		     struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = text_read(c, pid, "auxv", &text, err);
	if (r < 0)
		return r;
	size_t size = 0;
	while (size + 16 <= MIN(text.len, (size_t)AUXV_MAX)) {
		uint64_t type;
		memcpy(&type, text.data + size, sizeof(type));
		size += 16;
		if (!type)
			break;
	}
	ret->data = arena_alloc(arena, size);
	ret->size = size;
	if (size)
		memcpy(ret->data, text.data, size);
	return 0;
}

static int status_read(struct collect *c, pid_t pid, struct memory_record *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = text_read(c, pid, "status", &text, err);
	if (r < 0)
		return r;
	const char *thp = strstr(buf_str(&text), "\nTHP_enabled:\t");
	const char *tags = strstr(buf_str(&text), "\nuntag_mask:\t");
	ret->thp_disable = thp && thp[14] == '0';
	if (tags && strtoull(tags + 13, NULL, 16) != UINT64_MAX)
		(void)collect_refuse(c, pid, "memory",
				     "addresses carry tags (ARCH_ENABLE_TAGGED_ADDR)",
				     "start the program without linear address masking");
	return 0;
}

static uint32_t filter_read(struct collect *c, pid_t pid)
{
	char path[64], line[32], *end;
	(void)snprintf(path, sizeof(path), "%d/coredump_filter", (int)pid);
	if (file_read_line(c->proc, path, line, sizeof(line)) <= 0)
		return DEFAULT_FILTER;
	unsigned long v = strtoul(line, &end, 16);
	return *end ? DEFAULT_FILTER : (uint32_t)v;
}

int space_facts(struct collect *c, const struct memory_source *src, struct arena *arena,
		struct memory_record *ret, struct error *err)
{
	CLEANUP_BUF struct buf stat = BUF_INIT;
	int r = text_read(c, src->pid, "stat", &stat, err);
	if (r < 0)
		return r;
	r = numbers_parse(buf_str(&stat), &ret->numbers);
	if (r < 0 || !ret->numbers.start_stack)
		return error_set(err, EPERM, "/proc/%d/stat does not tell where things lie",
				 (int)src->pid);
	ret->dump_filter = filter_read(c, src->pid);
	r = auxv_read(c, src->pid, arena, &ret->auxv, err);
	return r < 0 ? r : status_read(c, src->pid, ret, err);
}
