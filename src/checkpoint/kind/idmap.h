/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.h - which ids there are in a task's user namespace, from /proc/PID/uid_map or gid_map. Source: user_namespaces(7).
 * `inside` is the task's own view, `outside` that of who reads /proc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/compiler.h"

struct idmap_range {
	uint32_t inside, outside, count;
};

struct idmap {
	struct idmap_range *v;
	size_t n;
};

int idmap_parse(const char *text, struct arena *arena, struct idmap *ret) NODISCARD;
/* which: "uid_map" or "gid_map"; proc: /proc. 0 or -errno. */
int idmap_read(int proc, pid_t pid, const char *which, struct arena *arena, struct idmap *ret)
	NODISCARD;
bool idmap_has(const struct idmap *m, uint32_t inside);
/* -ERANGE: it has none. */
int idmap_inside(const struct idmap *m, uint32_t outside, uint32_t *ret) NODISCARD;
