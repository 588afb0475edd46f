/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - see tree.h. */
#include "checkpoint/tree/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

#define FIRST_HELPER 300 /* low numbers are those of services, RESERVED_PIDS of the kernel */

/* A task while it is being placed. */
struct place {
	const struct task_record *task;
	struct birth *birth;
	struct place *parent; /* NULL: process 1 */
	struct place *next_sibling, *first_child, *last_child;
	pid_t early; /* the session that it must be born in though it leads another; 0: any */
	bool needs_session_late, mark;
};

/* A helper that stands in for a dead leader of a session or a group. */
struct standin {
	pid_t pid;
	struct birth *birth;
};

struct planner {
	struct place *places; /* ascending pid */
	size_t n;
	uint64_t *used; /* every number in any namespace, ascending */
	size_t n_used;
	pid_t next_helper;
	struct standin *standins;
	size_t n_standins;
	struct arena *arena;
	struct tree *tree;
	struct error *err;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return x->task->pid < y->task->pid ? -1 : x->task->pid > y->task->pid;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static struct place *find(const struct planner *pl, pid_t pid)
{
	struct task_record key_task = { .pid = pid };
	struct place key = { .task = &key_task };
	return bsearch(&key, pl->places, pl->n, sizeof(key), compare_places);
}

static int bad(struct planner *pl, const struct task_record *t, const char *why)
{
	error_set(pl->err, EBADMSG, "%s", why);
	return error_object(pl->err, "task %d (%s)", t->pid, t->comm);
}

static int impossible(struct planner *pl, const struct task_record *t, const char *why,
		      const char *hint)
{
	error_set(pl->err, ENOTSUP, "%s", why);
	error_hint(pl->err, "%s", hint);
	return error_object(pl->err, "pid %d (%s)", t->pid, t->comm);
}

/* ---- what is there ---- */

static void note_used(struct planner *pl, uint64_t number)
{
	*arena_push(pl->arena, pl->used, pl->n_used) = number;
}

static void note_numbers(struct planner *pl, const struct task_record *t)
{
	note_used(pl, (uint64_t)t->pgrp);
	note_used(pl, (uint64_t)t->sid);
	const struct thread_ref *threads = t->threads.v;
	for (size_t i = 0; i < t->threads.n; i++)
		for (size_t k = 0; k < threads[i].tids.n; k++)
			note_used(pl, threads[i].tids.v[k]);
	for (size_t k = 0; k < t->pids.n; k++)
		note_used(pl, t->pids.v[k]);
}

static struct birth *new_birth(struct planner *pl)
{
	struct birth *b = arena_alloc(pl->arena, sizeof(*b));
	return b;
}

static int check_task(struct planner *pl, const struct place *p)
{
	const struct task_record *t = p->task;
	if (t->pid <= 0 || t->pids.n == 0 || t->pids.v[0] != (uint64_t)t->pid)
		return bad(pl, t, "its numbers make no sense");
	if (p > pl->places && p[-1].task->pid == t->pid)
		return bad(pl, t, "two tasks have this pid");
	if (t->sid <= 0)
		return impossible(pl, t, "its session is led by a process outside of the container",
				  "start it in a session of its own: setsid(1)");
	if (t->pgrp <= 0)
		return impossible(pl, t, "its process group is led from outside of the container",
				  "start it in a session of its own: setsid(1)");
	return 0;
}

static int set_parent(struct planner *pl, struct place *p)
{
	const struct task_record *t = p->task;
	if (t->pid == 1)
		return t->ppid == 0 ? 0 : bad(pl, t, "process 1 has a parent");
	if (t->ppid == 0)
		return impossible(pl, t, "its parent is outside of the container",
				  "end what was started with `contexe exec` first");
	p->parent = find(pl, t->ppid);
	if (!p->parent || p->parent == p || str_eq(p->parent->task->state, "zombie"))
		return bad(pl, t, "its parent is no living task of the container");
	const struct task_record *parent = p->parent->task;
	bool is_init = t->pids.n == parent->pids.n + 1 && t->pids.v[t->pids.n - 1] == 1;
	if (t->pidns == parent->pidns ? t->pids.n != parent->pids.n : !is_init)
		return impossible(pl, t, "its parent is in another pid namespace",
				  "it entered the namespace with setns(2): end it first");
	p->birth->new_pidns = is_init;
	if (p->parent->last_child)
		p->parent->last_child->next_sibling = p;
	else
		p->parent->first_child = p;
	p->parent->last_child = p;
	return 0;
}

/* Every task hangs below process 1, in no circle. */
static int check_rooted(struct planner *pl)
{
	for (size_t i = 0; i < pl->n; i++) {
		const struct place *p = &pl->places[i];
		size_t steps = 0;
		while (p->parent && steps++ <= pl->n)
			p = p->parent;
		if (p->task->pid != 1)
			return bad(pl, pl->places[i].task, "it does not descend from process 1");
	}
	return 0;
}

static int load(struct planner *pl, const struct task_record *const *tasks, size_t n)
{
	pl->places = arena_alloc(pl->arena, (n + 1) * sizeof(struct place));
	pl->n = n;
	for (size_t i = 0; i < n; i++) {
		pl->places[i].task = tasks[i];
		note_numbers(pl, tasks[i]);
	}
	qsort(pl->places, n, sizeof(struct place), compare_places);
	qsort(pl->used, pl->n_used, sizeof(uint64_t), compare_numbers);
	if (!n || pl->places[0].task->pid != 1)
		return error_set(pl->err, EBADMSG, "there is no process 1");
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct place *p = &pl->places[i];
		struct birth *b = p->birth = new_birth(pl);
		b->task = p->task;
		b->pids = p->task->pids;
		b->pid = p->task->pid;
		b->parent = p->task->ppid;
		b->zombie = str_eq(p->task->state, "zombie");
		b->setsid = p->task->sid == p->task->pid;
		r = check_task(pl, p);
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = set_parent(pl, &pl->places[i]);
	return r < 0 ? r : check_rooted(pl);
}

/* ---- sessions ---- */

/* The session that a task must be born in; 0: any. */
static pid_t need(const struct place *p)
{
	return p->birth->setsid ? p->early : p->task->sid;
}

/*
 * A leader whose child is in an older session forked it before its setsid(2): it was itself born in that session. Deepest first, since a
 * demand passes upwards. Process 1 leads session 1 when we get it: nothing can be demanded of it.
 */
static void demand_early(struct place *p)
{
	for (struct place *c = p->first_child; c; c = c->next_sibling) {
		pid_t wanted = need(c);
		if (wanted && wanted != p->task->pid && p->birth->setsid && p->parent && !p->early)
			p->early = wanted;
	}
}

/* Children before parents without recursion (a chain can be long): repeatedly the next in post-order. */
static void each_postorder(struct planner *pl, void (*act)(struct place *))
{
	struct place *p = &pl->places[0];
	for (;;) {
		while (p->first_child && !p->mark) {
			p->mark = true;
			p = p->first_child;
		}
		act(p);
		if (!p->parent)
			break;
		p = p->next_sibling ? p->next_sibling : p->parent;
	}
	for (size_t i = 0; i < pl->n; i++)
		pl->places[i].mark = false;
}

static void adopt_child(struct planner *pl, struct birth *forker, struct birth *child, bool early)
{
	*arena_push(pl->arena, forker->children, forker->n_children) = child;
	size_t at = forker->n_children - 1;
	if (early) { /* in front of those that come after setsid */
		at = forker->n_early++;
		memmove(forker->children + at + 1, forker->children + at,
			(forker->n_children - 1 - at) * sizeof(struct birth *));
	}
	forker->children[at] = child;
	child->forker = forker;
}

/* A number that nobody has, in all namespaces that `like` has one in. */
static pid_t spare_number(struct planner *pl)
{
	uint64_t candidate;
	do {
		candidate = (uint64_t)pl->next_helper++;
	} while (bsearch(&candidate, pl->used, pl->n_used, sizeof(uint64_t), compare_numbers));
	return (pid_t)candidate;
}

static struct birth *new_helper(struct planner *pl, pid_t pid, const struct u64s *like)
{
	struct birth *b = new_birth(pl);
	if (!pid)
		pid = spare_number(pl);
	b->pid = pid;
	b->pids.n = like->n;
	b->pids.v = arena_alloc(pl->arena, like->n * sizeof(uint64_t));
	for (size_t i = 0; i < like->n; i++)
		b->pids.v[i] = (uint64_t)pid;
	pl->tree->n_helpers++;
	return b;
}

static struct birth *find_standin(const struct planner *pl, pid_t pid)
{
	for (size_t i = 0; i < pl->n_standins; i++)
		if (pl->standins[i].pid == pid)
			return pl->standins[i].birth;
	return NULL;
}

/*
 * The stand-in for a dead leader. In a nested namespace only its number there and outside matter to nobody: where
 * the namespaces' numbers differ, the innermost is free to be any, the container's is the one.
 */
static struct birth *new_standin(struct planner *pl, pid_t pid, const struct u64s *like)
{
	struct birth *b = new_helper(pl, pid, like);
	if (like->n > 1) {
		struct birth *numbers = new_helper(pl, 0, like);
		pl->tree->n_helpers--;
		for (size_t i = 1; i < like->n; i++)
			b->pids.v[i] = numbers->pids.v[i];
	}
	struct standin *s = arena_push(pl->arena, pl->standins, pl->n_standins);
	*s = (struct standin){ pid, b };
	return b;
}

/* Who becomes the parent of what a dead child of p leaves. */
static const struct place *reaper_of(const struct place *p)
{
	while (p->parent && !p->task->subreaper && !p->birth->new_pidns)
		p = p->parent;
	return p;
}

/* T cannot be born of its parent in its session: through its session's leader, dead or alive. */
static int place_orphan(struct planner *pl, struct place *p, pid_t session)
{
	struct place *leader = find(pl, session);
	struct birth *via = find_standin(pl, session);
	if (!p->parent->task->subreaper && p->parent->parent && !p->parent->birth->new_pidns)
		return impossible(pl, p->task, "its session cannot be had from its parent",
				  "its parent would have to be a subreaper or process 1");
	if (leader && !leader->birth->setsid)
		return bad(pl, p->task, "its session is not led by the task of that number");
	if (leader) {
		if (reaper_of(leader) != p->parent)
			return impossible(pl, p->task,
					  "its session's leader descends from another subreaper",
					  "end it first");
		if (!via) {
			via = new_helper(pl, 0, &leader->task->pids);
			struct standin *s = arena_push(pl->arena, pl->standins, pl->n_standins);
			*s = (struct standin){ session, via };
			adopt_child(pl, leader->birth, via, false);
		}
	} else if (!via) {
		via = new_standin(pl, session, &p->task->pids);
		via->setsid = true;
		adopt_child(pl, p->parent->birth, via, false);
	}
	adopt_child(pl, via, p->birth, false);
	p->birth->orphaned = true;
	return 0;
}

static int place_one(struct planner *pl, struct place *p)
{
	const struct place *parent = p->parent;
	pid_t session = need(p);
	if (!parent)
		return 0;
	if (!session || session == parent->task->sid) {
		adopt_child(pl, parent->birth, p->birth, false);
		return 0;
	}
	if (parent->birth->setsid && parent->early == session) {
		adopt_child(pl, parent->birth, p->birth, true);
		return 0;
	}
	return place_orphan(pl, p, session);
}

/* ---- groups ---- */

static int place_group(struct planner *pl, struct place *p)
{
	struct birth *b = p->birth;
	pid_t group = p->task->pgrp;
	if (group == b->pid) {
		b->makes_group = !b->setsid;
		return 0;
	}
	b->joins = group;
	struct place *leader = find(pl, group);
	struct birth *standin = find_standin(pl, group);
	if (leader) { /* alive, maybe itself a member of another group by now */
		if (leader->task->sid != p->task->sid)
			return bad(pl, p->task, "its group belongs to another session");
		if (leader->birth->setsid)
			return 0;
		leader->birth->makes_group = true;
		leader->birth->joins_late = leader->task->pgrp != leader->task->pid;
	} else if (!standin || standin->pid != group) {
		if (b->setsid)
			return bad(pl, p->task, "a session's leader in a group of another");
		standin = new_standin(pl, group, &p->task->pids);
		standin->makes_group = true;
		adopt_child(pl, b, standin, false);
	}
	return 0;
}

/* ---- order ---- */

static void list_births(struct planner *pl)
{
	struct tree *t = pl->tree;
	t->n = 0;
	*arena_push(pl->arena, t->v, t->n) = pl->places[0].birth;
	for (size_t i = 0; i < t->n; i++) {
		struct birth *b = t->v[i];
		b->index = (uint32_t)i;
		for (size_t k = 0; k < b->n_children; k++)
			*arena_push(pl->arena, t->v, t->n) = b->children[k];
	}
}

int tree_plan(const struct task_record *const *tasks, size_t n, struct arena *arena,
	      struct tree *ret, struct error *err)
{
	*ret = (struct tree){ 0 };
	struct planner pl = {
		.arena = arena,
		.tree = ret,
		.err = err,
		.next_helper = FIRST_HELPER,
	};
	int r = load(&pl, tasks, n);
	if (r < 0)
		return r;
	if (pl.places[0].task->sid != 1)
		return bad(&pl, pl.places[0].task, "process 1 does not lead its session");
	each_postorder(&pl, demand_early);
	for (size_t i = 0; i < n && r == 0; i++)
		r = place_one(&pl, &pl.places[i]);
	for (size_t i = 0; i < n && r == 0; i++)
		r = place_group(&pl, &pl.places[i]);
	if (r < 0)
		return r;
	ret->spare = spare_number(&pl);
	list_births(&pl);
	if (ret->n != n + ret->n_helpers)
		return error_set(err, EBADMSG, "sessions that depend on each other in a circle");
	return 0;
}

struct birth *tree_find(const struct tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i]->task && t->v[i]->pid == pid)
			return t->v[i];
	return NULL;
}

const struct birth *birth_origin(const struct birth *b)
{
	for (b = b->forker; b && !b->task; b = b->forker)
		;
	return b;
}

void tree_print(const struct tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct birth *b = t->v[i];
		buf_printf(out, "%d", (int)b->pid);
		if (b->task)
			buf_printf(out, " (%s)", b->task->comm);
		else
			buf_puts(out, " (helper)");
		if (b->forker)
			buf_printf(out, " forked by %d", (int)b->forker->pid);
		if (b->new_pidns)
			buf_puts(out, ", new pid namespace");
		if (b->setsid && b->forker)
			buf_puts(out, ", setsid");
		if (b->makes_group)
			buf_puts(out, ", leads a group");
		if (b->joins)
			buf_printf(out, ", joins group %d", (int)b->joins);
		if (b->orphaned)
			buf_printf(out, ", left to %d", (int)b->parent);
		if (b->zombie)
			buf_puts(out, ", ends as a zombie");
		buf_putc(out, '\n');
	}
}
