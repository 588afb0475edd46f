/* SPDX-License-Identifier: Apache-2.0 */
/*
 * externals.h - what the engine itself has handed into a container, under names: contexe-init's descriptors, the job's
 * standard ones. In an image they are names; at restore they are what the new supervisor has made.
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "checkpoint/kind/collect.h"

#define EXTERNAL_INIT_EXE "init:exe"

/* Of a running container. init: host pid; stdio: state.json's text of stdio_describe(). */
struct externals {
	struct external *v; /* in the arena */
	size_t n;
	bool own_init;
	int job; /* the job's pid inside */
};
int externals_of(pid_t init, const char *stdio, struct arena *arena, struct externals *ret,
		 struct error *err) NODISCARD;

/* "DEV:INO:ACCESS" of each of three descriptors, "-" for one that is of no matter; for state.json. In a static buffer's
 * stead: appended to out. */
void stdio_describe(const int fds[3], struct buf *out);
