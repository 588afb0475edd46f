/* SPDX-License-Identifier: Apache-2.0 */
/* home_parts.h - what home.c finds and visit.c uses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/inject/traced.h"

struct home {
	struct home_gates *gates;
	bool known;    /* what follows was looked for */
	uint64_t gate; /* 0: none, or not wanted */
	uint64_t call; /* any system call instruction, for visits without a guard */
	uint64_t stack_start, stack_end;
	uint64_t *rsp; /* of all threads */
	size_t n_rsp;
};

/* Fills in t->home. -ENOEXEC: neither gate nor call. */
int home_find(struct tracee *t, struct error *err) NODISCARD;
/* Where a frame of that size can lie; 0: nowhere. */
uint64_t home_room(const struct tracee *t, size_t size);
