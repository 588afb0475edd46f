/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena_map.c - see arena_map.h. An arena that is full goes on handing out memory, so that whoever writes programs
 * need not look after each step; arena_map_check() is asked once, at the end.
 */
#include "checkpoint/inject/arena_map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "checkpoint/inject/blob_code.h"

#define PAGE 4096

/* All blocks stay until the end, since callers hold pointers into them; addresses mean the newest, the largest. */
struct arena_scratch {
	struct arena_scratch *older;
	size_t size;
	uint8_t *data;
};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

int arena_map_new_shared(size_t size, struct arena_map *ret, struct error *err)
{
	size = round_up(size, PAGE);
	CLEANUP_FD int fd = memfd_create("contexe-arena", MFD_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "memfd_create");
	if (ftruncate(fd, (off_t)size) < 0)
		return error_sys(err, errno, "cannot reserve %zu bytes for programs", size);
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return error_sys(err, errno, "cannot map %zu bytes for programs", size);
	*ret = (struct arena_map){ .map = map, .size = size, .fd = take_fd(&fd) };
	return 0;
}

int arena_map_new_private(size_t size, struct arena_map *ret, struct error *err)
{
	size = round_up(size, PAGE);
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return error_sys(err, errno, "cannot map %zu bytes for programs", size);
	*ret = (struct arena_map){ .map = map, .size = size, .fd = FD_NONE };
	return 0;
}

static void scratch_free(struct arena_map *am)
{
	while (am->scratch) {
		struct arena_scratch *s = am->scratch;
		am->scratch = s->older;
		free(s->data);
		free(s);
	}
}

void arena_map_done(struct arena_map *am)
{
	scratch_free(am);
	if (am->map)
		munmap(am->map, am->size);
	fd_close(am->fd);
	*am = (struct arena_map){ .fd = FD_NONE };
}

/* Pages that were never touched cost nothing, so only what was used is made zero again. */
static void arena_map_forget(struct arena_map *am)
{
	if (am->used)
		memset(am->map, 0, am->used);
	am->used = 0;
	am->full = false;
	scratch_free(am);
}

void arena_map_place(struct arena_map *am, uint64_t base)
{
	arena_map_forget(am);
	am->base = base;
	if (blob_size > am->size) {
		am->full = true;
		return;
	}
	memcpy(am->map, blob_code, blob_size);
	/* Code has pages of its own: writing beside it would flush the processor's pipeline again and again. */
	am->used = MIN(round_up(blob_size, PAGE), am->size);
}

/* Memory of at least this size, as the tasks' address just beyond the arena. */
static uint64_t scratch_alloc(struct arena_map *am, size_t size, size_t align)
{
	uint64_t first = am->base + am->size;
	uint64_t at = (first + align - 1) & ~(uint64_t)(align - 1);
	size_t need = (size_t)(at - first) + size;
	if (!am->scratch || am->scratch->size < need) {
		struct arena_scratch *s = xcalloc(1, sizeof(*s));
		*s = (struct arena_scratch){ am->scratch, need, xcalloc(1, need + 1) };
		am->scratch = s;
	}
	memset(am->scratch->data + (at - first), 0, size);
	am->full = true;
	return at;
}

uint64_t arena_map_alloc(struct arena_map *am, size_t size, size_t align)
{
	uint64_t at = (am->base + am->used + align - 1) & ~(uint64_t)(align - 1);
	size_t offset = (size_t)(at - am->base);
	if (am->full || offset > am->size || size > am->size - offset)
		return scratch_alloc(am, size, align);
	am->used = offset + size;
	return at;
}

void *arena_map_at(const struct arena_map *am, uint64_t addr)
{
	uint64_t offset = addr - am->base;
	if (offset < am->size)
		return am->map + offset;
	return am->scratch && offset - am->size < am->scratch->size
		       ? am->scratch->data + (offset - am->size)
		       : NULL;
}

int arena_map_check(const struct arena_map *am, struct error *err)
{
	if (!am->full)
		return 0;
	return error_set(err, ENOSPC, "the programs need more than the %zu bytes reserved for them",
			 am->size);
}
