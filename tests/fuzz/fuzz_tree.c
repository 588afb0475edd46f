/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tree.c - task records of an image, as hostile as can be: five bytes a task. What is planned must be possible
 * under the kernel's rules.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/tree_plan_run.h"

#define MAX_TASKS 48

static uint64_t *nested_numbers(struct arena *arena, int32_t outer, int32_t inner)
{
	uint64_t *v = arena_alloc(arena, 2 * sizeof(*v));
	v[0] = (uint64_t)outer;
	v[1] = (uint64_t)inner;
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena CLEANUP_ARENA = { 0 };
	struct task_record tasks[MAX_TASKS] = { 0 };
	const struct task_record *v[MAX_TASKS];
	size_t n = 0;
	for (; n < MAX_TASKS && size >= 5; n++, data += 5, size -= 5) {
		struct task_record *t = &tasks[n];
		bool nested = data[4] & 2;
		t->pid = data[0];
		t->ppid = data[1];
		t->pgrp = data[2];
		t->sid = data[3];
		t->state = (char *)(data[4] & 1 ? "zombie" : "running");
		t->comm = (char *)"x";
		t->pids = (struct u64s){ nested_numbers(&arena, t->pid, data[4] >> 3), 1 + nested };
		if (nested) {
			t->pidns = 1 + (data[4] >> 2 & 1);
			t->pgrps = (struct u64s){ nested_numbers(&arena, t->pgrp, t->pgrp / 2), 2 };
			t->sids = (struct u64s){ nested_numbers(&arena, t->sid, t->sid / 2), 2 };
		}
		v[n] = t;
	}
	struct tree tree;
	struct error err = ERROR_INIT;
	struct buf out CLEANUP_BUF = BUF_INIT;
	if (tree_plan(v, n, &arena, &tree, &err) < 0)
		return 0;
	tree_print(&tree, &out);
	struct plan_run *x = malloc(sizeof(*x));
	unsigned seed = (unsigned)n;
	bool flat = true;
	for (size_t i = 0; i < n; i++)
		flat = flat && tasks[i].pids.n == 1;
	bool right = plan_run(x, &tree, &arena, &seed) == 0 && plan_run_right(x);
	if (flat && !right) {
		(void)fprintf(stderr, "%s\n%s", buf_str(&x->why), buf_str(&out));
		abort();
	}
	buf_done(&x->why);
	free(x);
	return 0;
}
