/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.h - where in a process a visit (visit.h) can begin: its gate, and memory for its frame; found when first needed,
 * valid until the process runs on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "checkpoint/inject/tracee.h"

/* Gates found in files, shared by all homes of a set. */
struct home_gates;

struct home {
	struct home_gates *gates;
	bool known;    /* what follows was looked for */
	uint64_t gate; /* 0: none, or not wanted */
	uint64_t call; /* any system call instruction, for visits without a guard */
	uint64_t stack_start, stack_end;
	uint64_t *rsp; /* of all threads */
	size_t n_rsp;
};

struct home_gates *home_gates_new(void);
void home_gates_free(struct home_gates *g);

/* gates may be NULL: then visits are not guarded (threads of ours, on restore). */
struct home *home_new(struct home_gates *gates);
void home_free(struct home *h);
/* Each thread's stack pointer, before the first visit. */
void home_stack_pointer(struct home *h, uint64_t rsp);

/* Fills in t->home. -ENOEXEC: neither gate nor call. */
int home_find(struct tracee *t, struct error *err) NODISCARD;
/* Where a frame of that size can lie; 0: nowhere. */
uint64_t home_room(const struct tracee *t, size_t size);
