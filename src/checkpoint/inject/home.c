/* SPDX-License-Identifier: Apache-2.0 */
/* home.c - see home.h. */
#include "checkpoint/inject/home.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "checkpoint/inject/frame.h"

#define PAGE	 4096
#define MAPS_MAX (256u << 20)
#define CHUNK	 (256u << 10)
#define RED_ZONE 128
#define STACK_GAP                                                                                  \
	(16u                                                                                       \
	 << 10) /* room below the frame: if we die, a handler may run before the thread is home */

static const uint8_t gate_code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
static const uint8_t call_code[] = { 0x0f, 0x05 };

/* Where the code was found in a part of a file; -1: nowhere. */
struct gate_of_file {
	uint64_t dev, ino, offset;
	int64_t at;
};

struct home_gates {
	struct gate_of_file *v;
	size_t n;
};

struct home_gates *home_gates_new(void)
{
	return xcalloc(1, sizeof(struct home_gates));
}

void home_gates_free(struct home_gates *g)
{
	if (g)
		free(g->v);
	free(g);
}

struct home *home_new(struct home_gates *gates)
{
	struct home *h = xcalloc(1, sizeof(*h));
	h->gates = gates;
	return h;
}

void home_free(struct home *h)
{
	if (h)
		free(h->rsp);
	free(h);
}

void home_stack_pointer(struct home *h, uint64_t rsp)
{
	/* grown at powers of two */
	if (!(h->n_rsp & (h->n_rsp - 1)))
		h->rsp = xrealloc(h->rsp, (h->n_rsp ? 2 * h->n_rsp : 1) * sizeof(*h->rsp));
	h->rsp[h->n_rsp++] = rsp;
}

/* ---- looking for code ---- */

/* One line of /proc/PID/maps. */
struct mapping {
	uint64_t start, end, offset, dev, ino;
	char perms[5];
	const char *path;
};

static bool mapping_parse(const char *line, struct mapping *m)
{
	unsigned int major, minor;
	int path = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start,
		   &m->end, m->perms, &m->offset, &major, &minor, &m->ino, &path) < 7)
		return false;
	m->dev = (uint64_t)major << 32 | minor;
	m->path = line + path;
	return true;
}

/* Offset from the mapping's start, or -1. */
static int64_t mapping_search(const struct tracee *t, const struct mapping *m, const uint8_t *code,
			      size_t size)
{
	uint8_t *buf = xmalloc(CHUNK);
	int64_t found = -1;
	/* pieces overlap, so that code across two of them is seen */
	for (uint64_t at = m->start; found < 0 && at + size <= m->end; at += CHUNK - size + 1) {
		size_t n = MIN((uint64_t)CHUNK, m->end - at);
		if (tracee_read(t, at, buf, n) < 0)
			break;
		const uint8_t *p = memmem(buf, n, code, size);
		if (p)
			found = (int64_t)(at - m->start) + (p - buf);
	}
	free(buf);
	return found;
}

static bool code_is_at(const struct tracee *t, uint64_t addr)
{
	uint8_t buf[sizeof(gate_code)];
	return tracee_read(t, addr, buf, sizeof(buf)) == 0 &&
	       memcmp(buf, gate_code, sizeof(buf)) == 0;
}

/* The address of a gate in this mapping of a file; 0: none. */
static uint64_t gate_in(struct home_gates *g, const struct tracee *t, const struct mapping *m)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct gate_of_file *f = &g->v[i];
		if (f->dev != m->dev || f->ino != m->ino || f->offset != m->offset)
			continue;
		if (f->at < 0)
			return 0;
		if ((uint64_t)f->at < m->end - m->start &&
		    code_is_at(t, m->start + (uint64_t)f->at))
			return m->start + (uint64_t)f->at;
	}
	int64_t at = mapping_search(t, m, gate_code, sizeof(gate_code));
	g->v = xrealloc(g->v, (g->n + 1) * sizeof(*g->v));
	g->v[g->n++] = (struct gate_of_file){ m->dev, m->ino, m->offset, at };
	return at < 0 ? 0 : m->start + (uint64_t)at;
}

/* Where it is nearly always: the C library, of which many processes have the same. */
static bool is_library(const struct mapping *m)
{
	return strstr(m->path, "/libc") || strstr(m->path, "/ld-");
}

static void home_look(struct home *h, const struct tracee *t, char *maps)
{
	struct mapping m;
	char *save, *line, *next = maps;
	/* twice: libraries, then everything else that is executable */
	char *again = xstrdup(maps);
	for (int pass = 0; pass < 2; pass++, next = again) {
		for (line = strtok_r(next, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			if (!mapping_parse(line, &m) || m.perms[0] != 'r')
				continue;
			bool executable = m.perms[2] == 'x', file = m.ino != 0;
			if (strcmp(m.path, "[stack]") == 0 && m.perms[1] == 'w') {
				h->stack_start = m.start;
				h->stack_end = m.end;
			}
			if (executable && file && h->gates && !h->gate &&
			    is_library(&m) == (pass == 0))
				h->gate = gate_in(h->gates, t, &m);
			if (executable && !h->call && strcmp(m.path, "[vdso]") == 0) {
				int64_t at = mapping_search(t, &m, call_code, sizeof(call_code));
				h->call = at < 0 ? 0 : m.start + (uint64_t)at;
			}
			if (pass && executable && !h->call && !h->gate && m.start < 1ULL << 47) {
				int64_t at = mapping_search(t, &m, call_code, sizeof(call_code));
				h->call = at < 0 ? 0 : m.start + (uint64_t)at;
			}
		}
	}
	free(again);
}

int home_find(struct tracee *t, struct error *err)
{
	if (!t->home)
		t->home = home_new(NULL);
	struct home *h = t->home;
	if (h->known)
		return 0;
	CLEANUP_BUF struct buf b = BUF_INIT;
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)t->tid);
	int r = file_read(AT_FDCWD, path, MAPS_MAX, &b);
	if (r < 0)
		return error_sys(err, -r, "cannot read %s", path);
	if (!b.len)
		return error_set(err, ESRCH, "it was killed while we worked in it");
	home_look(h, t, b.data);
	if (!h->gate && !h->call)
		return error_set(err, ENOEXEC,
				 "no system call instruction was found in its memory");
	h->known = true;
	return 0;
}

/* ---- room for a frame ---- */

/*
 * Whether the lowest part of the stack, to a page beyond what we want, holds nothing: zeroes, or a frame that we left there
 * when we died.
 */
static bool stack_end_is_free(const struct tracee *t, uint64_t at, size_t size)
{
	uint64_t start = t->home->stack_start;
	size_t n = (size_t)(at - start) + size + PAGE, before = (size_t)(at - start);
	uint8_t *buf = xmalloc(n);
	bool free_of_all = start + n <= t->home->stack_end && tracee_read(t, start, buf, n) == 0;
	size_t ours = free_of_all ? frame_left(buf + before, n - before) : 0;
	for (size_t i = 0; free_of_all && i < n; i++)
		free_of_all = !buf[i] || (i >= before && i < before + ours);
	free(buf);
	return free_of_all;
}

uint64_t home_room(const struct tracee *t, size_t size)
{
	const struct home *h = t->home;
	if (!h->gate || h->stack_end <= h->stack_start)
		return 0;
	uint64_t lowest = UINT64_MAX;
	for (size_t i = 0; i < h->n_rsp; i++)
		if (h->rsp[i] >= h->stack_start && h->rsp[i] < h->stack_end)
			lowest = MIN(lowest, h->rsp[i]);
	uint64_t at = h->stack_start + STACK_GAP;
	if (lowest != UINT64_MAX) {
		/* a stack that is used to its end grows when it is written to */
		uint64_t top = lowest - RED_ZONE - size - FRAME_ALIGN;
		return MIN(at, top) & ~(uint64_t)(FRAME_ALIGN - 1);
	}
	return stack_end_is_free(t, at, size) ? at : 0;
}
