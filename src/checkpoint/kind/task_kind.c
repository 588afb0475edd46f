/* SPDX-License-Identifier: Apache-2.0 */
/* task_kind.c - the table of task_kind.h, made from the list in meson.build. */
#include "checkpoint/kind/task_kind.h"

#define KIND(name) extern const struct task_kind task_kind_##name;
#include "checkpoint/kind/task_kinds.inc"
#undef KIND

#define KIND(name) &task_kind_##name,
const struct task_kind *const task_kinds[] = {
#include "checkpoint/kind/task_kinds.inc"
	NULL,
};
