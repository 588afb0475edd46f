/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_plan_run.h - carries out a tree's plan on the rules of kernel_tree.h, in the order that tree.h describes; whatever the barriers
 * leave open is decided by chance. Then tells how the outcome differs from the records.
 */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "checkpoint/tree/tree.h"
#include "kernel_tree.h"

enum run_step {
	RUN_ADOPT,
	RUN_EARLY,
	RUN_LEAD,
	RUN_CHILDREN,
	RUN_BORN,
	RUN_JOIN,
	RUN_JOIN_CHILDREN,
	RUN_JOINED,
	RUN_MOVE,
	RUN_MOVED,
	RUN_HELPERS,
	RUN_PARENT,
	RUN_SETTLED,
	RUN_LAST,
	RUN_OVER,
};

struct run_birth {
	int proc; /* -1: not born */
	enum run_step at;
	size_t child;
};

struct plan_run {
	struct kernel k;
	const struct tree *t;
	struct run_birth *v;
	size_t born, joined, moved, settled;
	struct buf why;
};

static inline int run_told(struct plan_run *x, const struct birth *b, const char *what, int r)
{
	if (r < 0)
		buf_printf(&x->why, "%d: %s: %s", (int)b->pid, what, strerror(-r));
	return r < 0 ? r : 1;
}

static inline int run_clone(struct plan_run *x, const struct birth *b, size_t to)
{
	struct run_birth *me = &x->v[b->index];
	if (me->child >= to)
		return 0;
	const struct birth *c = b->children[me->child++];
	pid_t numbers[KERNEL_LEVELS] = { 0 };
	for (size_t i = 0; i < c->pids.n && i < KERNEL_LEVELS; i++)
		numbers[i] = (pid_t)c->pids.v[i];
	int r = kernel_fork(&x->k, me->proc, c->new_pidns, numbers);
	if (r >= 0 && (size_t)x->k.v[r].n_levels != c->pids.n)
		r = -EINVAL;
	if (r >= 0)
		x->v[c->index].proc = r;
	return run_told(x, c, "clone", r);
}

static inline int run_helpers(struct plan_run *x, const struct birth *b)
{
	for (size_t i = 0; i < b->n_children; i++) {
		const struct run_birth *c = &x->v[b->children[i]->index];
		if (b->children[i]->task || !kernel_present(&x->k, c->proc))
			continue;
		return x->k.v[c->proc].zombie
			       ? run_told(x, b, "wait",
					  kernel_reap(&x->k, x->v[b->index].proc, c->proc))
			       : 2;
	}
	return 0;
}

static inline bool run_has_parent(const struct plan_run *x, const struct birth *b)
{
	int parent = x->k.v[x->v[b->index].proc].parent;
	return parent >= 0 && x->k.v[parent].pids[0] == b->parent;
}

/* One thing that a birth does: 0 the step is over, 1 there is more of it, 2 it waits, -errno. */
static inline int run_step(struct plan_run *x, const struct birth *b)
{
	struct run_birth *me = &x->v[b->index];
	size_t all = x->t->n;
	switch (me->at) {
	case RUN_ADOPT:
		if (b->adopts)
			kernel_subreaper(&x->k, me->proc, true);
		return 0;
	case RUN_EARLY:
		return run_clone(x, b, b->n_early);
	case RUN_LEAD:
		if (b->setsid && b->forker)
			return run_told(x, b, "setsid", kernel_setsid(&x->k, me->proc)) - 1;
		if (b->makes_group)
			return run_told(x, b, "setpgid", kernel_setpgid(&x->k, me->proc, 0, 0)) - 1;
		return 0;
	case RUN_CHILDREN:
		return run_clone(x, b, b->n_children);
	case RUN_BORN:
		return x->born < all ? 2 : 0;
	case RUN_JOIN:
		if (!b->joins || b->joins_late)
			return 0;
		return run_told(x, b, "join", kernel_setpgid(&x->k, me->proc, 0, b->joins)) - 1;
	case RUN_JOIN_CHILDREN:
		for (size_t i = 0; i < b->n_children; i++) {
			const struct birth *c = b->children[i];
			int r = !c->forker_joins ? 0
						 : kernel_setpgid(&x->k, me->proc,
								  (pid_t)c->pids.v[b->pids.n - 1],
								  c->forker_joins);
			if (r < 0)
				return run_told(x, c, "join by forker", r);
		}
		return 0;
	case RUN_JOINED:
		return x->joined < all ? 2 : 0;
	case RUN_MOVE:
		if (!b->joins_late)
			return 0;
		return run_told(x, b, "move", kernel_setpgid(&x->k, me->proc, 0, b->joins)) - 1;
	case RUN_MOVED:
		return x->t->n_late && x->moved < all ? 2 : 0;
	case RUN_HELPERS: {
		int r = run_helpers(x, b);
		if (b->task || r)
			return r;
		me->at = RUN_LAST;
		return run_told(x, b, "exit", kernel_exit(&x->k, me->proc)) - 1;
	}
	case RUN_PARENT:
		return b->orphaned && !run_has_parent(x, b) ? 2 : 0;
	case RUN_SETTLED:
		if (b->zombie) {
			me->at = RUN_LAST;
			return run_told(x, b, "exit", kernel_exit(&x->k, me->proc)) - 1;
		}
		return x->settled < all - x->t->n_helpers ? 2 : 0;
	case RUN_LAST:
		if (b->adopts)
			kernel_subreaper(&x->k, me->proc, false);
		return 0;
	default:
		return 2;
	}
}

static inline void run_arrive(struct plan_run *x, enum run_step at)
{
	x->born += at == RUN_BORN;
	x->joined += at == RUN_JOINED;
	x->moved += at == RUN_MOVED;
	x->settled += at == RUN_SETTLED;
}

/* 0, or -errno with why told: a call that the kernel would refuse, or all wait for ever. */
static inline int plan_run(struct plan_run *x, const struct tree *t, struct arena *arena,
			   unsigned *seed)
{
	memset(x, 0, sizeof(*x));
	kernel_init(&x->k);
	x->t = t;
	x->v = arena_alloc(arena, (t->n + 1) * sizeof(*x->v));
	for (size_t i = 0; i < t->n; i++)
		x->v[i].proc = i == 0 ? 0 : -1;
	bool moved = true;
	while (moved) {
		moved = false;
		size_t from = (size_t)rand_r(seed);
		for (size_t i = 0; i < t->n; i++) {
			const struct birth *b = t->v[(from + i) % t->n];
			struct run_birth *me = &x->v[b->index];
			while (me->proc >= 0 && me->at != RUN_OVER) {
				int r = run_step(x, b);
				if (r < 0)
					return r;
				if (r == 2)
					break;
				moved = true;
				if (r == 0)
					run_arrive(x, ++me->at);
				if (rand_r(seed) % 3 == 0)
					break;
			}
		}
	}
	for (size_t i = 0; i < t->n; i++)
		if (x->v[i].at != RUN_OVER) {
			buf_printf(&x->why, "%d waits for ever in step %d", (int)t->v[i]->pid,
				   (int)x->v[i].at);
			return -EDEADLK;
		}
	return 0;
}

static inline bool run_numbers(const struct kernel *k, const struct kernel_proc *p, int leader,
			       const struct u64s *want)
{
	int s = p->space;
	if (want->n > (size_t)p->n_levels)
		return false;
	for (size_t level = want->n; level-- > 0; s = k->spaces[s].up)
		if ((uint64_t)kernel_number(k, s, leader) != want->v[level])
			return false;
	return true;
}

/* Whether all tasks, and nobody else, are there as their records say. */
static inline bool plan_run_right(struct plan_run *x)
{
	const struct kernel *k = &x->k;
	size_t there = 0, wanted = 0;
	for (int p = 0; p < k->n; p++)
		there += kernel_present(k, p);
	for (size_t i = 0; i < x->t->n; i++) {
		const struct birth *b = x->t->v[i];
		if (!b->task)
			continue;
		wanted++;
		const struct task_record *t = b->task;
		const struct kernel_proc *p = &k->v[x->v[i].proc];
		pid_t parent = p->parent < 0 ? 0 : k->v[p->parent].pids[0];
		bool zombie = strcmp(t->state, "zombie") == 0;
		if (parent != t->ppid || kernel_number(k, 0, p->pgrp) != t->pgrp ||
		    kernel_number(k, 0, p->sid) != t->sid || p->zombie != zombie ||
		    !run_numbers(k, p, x->v[i].proc, &t->pids) ||
		    !run_numbers(k, p, p->pgrp, &t->pgrps) ||
		    !run_numbers(k, p, p->sid, &t->sids) || p->subreaper) {
			buf_printf(&x->why,
				   "%d has parent %d not %d, group %d not %d, session %d not %d",
				   t->pid, parent, t->ppid, kernel_number(k, 0, p->pgrp), t->pgrp,
				   kernel_number(k, 0, p->sid), t->sid);
			return false;
		}
	}
	if (there != wanted)
		buf_printf(&x->why, "%zu processes, not %zu", there, wanted);
	return there == wanted;
}
