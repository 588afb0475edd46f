/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - see tree.h. */
#include "checkpoint/tree/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "checkpoint/tree/planner.h"

#define FIRST_HELPER 300 /* low numbers are those of services, RESERVED_PIDS of the kernel */

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

struct place *planner_find(const struct planner *pl, pid_t pid)
{
	struct task_record key_task = { .pid = pid };
	struct place key = { .task = &key_task };
	return bsearch(&key, pl->places, pl->n, sizeof(key), compare_places);
}

int planner_bad(struct planner *pl, const struct task_record *t, const char *why)
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

static bool number_ok(uint64_t number)
{
	return number > 0 && number <= INT32_MAX;
}

/* The numbers of a leader in the namespaces of a member: seen down to some level, and hidden from there on. */
static bool levels_ok(const struct task_record *t, const struct u64s *levels, pid_t id)
{
	if (t->pids.n == 1 && levels->n == 0)
		return true;
	if (levels->n != t->pids.n || levels->v[0] != (uint64_t)id)
		return false;
	for (size_t k = 1; k < levels->n; k++)
		if (levels->v[k] && (!number_ok(levels->v[k]) || !levels->v[k - 1]))
			return false;
	return true;
}

static int check_task(struct planner *pl, const struct place *p)
{
	const struct task_record *t = p->task;
	bool ok = t->pid > 0 && t->pids.n > 0 && t->pids.v[0] == (uint64_t)t->pid;
	for (size_t k = 0; k < t->pids.n; k++)
		ok = ok && number_ok(t->pids.v[k]);
	if (!ok)
		return planner_bad(pl, t, "its numbers make no sense");
	if (p > pl->places && p[-1].task->pid == t->pid)
		return planner_bad(pl, t, "two tasks have this pid");
	const struct thread_ref *threads = t->threads.v;
	if (t->threads.n && threads[0].tid != t->pid)
		return planner_bad(pl, t, "its first thread has another number");
	for (size_t i = 1; i < t->threads.n; i++)
		if (threads[i].tid == t->pid || planner_find(pl, threads[i].tid))
			return planner_bad(pl, t,
					   "one of its threads has the number of another task");
	if (t->sid <= 0)
		return impossible(pl, t, "its session is led by a process outside of the container",
				  "start it in a session of its own: setsid(1)");
	if (t->pgrp <= 0)
		return impossible(pl, t, "its process group is led from outside of the container",
				  "start it in a session of its own: setsid(1)");
	if (!levels_ok(t, &t->pgrps, t->pgrp) || !levels_ok(t, &t->sids, t->sid))
		return planner_bad(pl, t, "the numbers of its session or group make no sense");
	if (t->sid == t->pid && t->pgrp != t->pid)
		return planner_bad(pl, t, "a session's leader in a group of another");
	return 0;
}

static int set_parent(struct planner *pl, struct place *p)
{
	const struct task_record *t = p->task;
	if (t->pid == 1)
		return t->ppid == 0 && !p->birth->zombie
			       ? 0
			       : planner_bad(pl, t, "process 1 has a parent or is dead");
	if (t->ppid == 0)
		return impossible(pl, t, "its parent is outside of the container",
				  "end what was started with `contexe exec` first");
	p->parent = planner_find(pl, t->ppid);
	if (!p->parent || p->parent == p || str_eq(p->parent->task->state, "zombie"))
		return planner_bad(pl, t, "its parent is no living task of the container");
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

/* Numbers all places in the order of a walk; what hangs below process 1 in no circle is met. Gives how many. */
static size_t number_places(struct planner *pl)
{
	size_t n = 0;
	struct place *p = &pl->places[0];
	for (;;) {
		while (!p->mark) {
			p->mark = true;
			p->enter = n++;
			if (p->first_child)
				p = p->first_child;
		}
		p->leave = n;
		if (!p->parent)
			return n;
		p = p->next_sibling ? p->next_sibling : p->parent;
	}
}

static int load(struct planner *pl, const struct task_record *const *tasks, size_t n)
{
	pl->places = arena_alloc(pl->arena, (n + 1) * sizeof(struct place));
	pl->n = n;
	for (size_t i = 0; i < n; i++) {
		pl->places[i].task = tasks[i];
		note_numbers(pl, tasks[i]);
	}
	if (!n)
		return error_set(pl->err, EBADMSG, "there is no process 1");
	qsort(pl->places, n, sizeof(struct place), compare_places);
	qsort(pl->used, pl->n_used, sizeof(uint64_t), compare_numbers);
	if (pl->places[0].task->pid != 1)
		return error_set(pl->err, EBADMSG, "there is no process 1");
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct place *p = &pl->places[i];
		struct birth *b = p->birth = arena_alloc(pl->arena, sizeof(*b));
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
	if (r < 0)
		return r;
	if (!pl->places[0].birth->setsid)
		return planner_bad(pl, pl->places[0].task, "process 1 does not lead its session");
	number_places(pl);
	for (size_t i = 0; i < n; i++)
		if (!pl->places[i].mark)
			return planner_bad(pl, pl->places[i].task,
					   "it does not descend from process 1");
	return 0;
}

/* ---- sessions ---- */

/* The session that a task must be born in; 0: any. */
static pid_t need(const struct place *p)
{
	return p->birth->setsid ? p->early : p->task->sid;
}

static bool is_below(const struct place *p, size_t enter)
{
	return enter >= p->enter && enter < p->leave;
}

/*
 * Whether p was in the session before its own setsid(2), and forked the child then. Otherwise the child was born below
 * a leader that was itself a descendant of p, and was left to p as an orphan.
 */
static bool was_in(const struct planner *pl, const struct place *p, const struct place *child,
		   pid_t session)
{
	if (!p->birth->setsid || !p->parent)
		return false;
	const struct club *s = club_session(pl, session);
	if (s->leader)
		return !is_below(p, s->leader->enter);
	if (child->task->sid == session &&
	    !club_number(&child->task->sids, session, p->task->pids.n - 1))
		return true;
	return !is_below(p, s->first) || !is_below(p, s->last);
}

/*
 * A leader whose child is in an older session forked it before its setsid(2): it was itself born in that session. Deepest first, since a
 * demand passes upwards. Process 1 leads session 1 when we get it: nothing can be demanded of it.
 */
static void demand_early(struct planner *pl, struct place *p)
{
	for (struct place *c = p->first_child; c && !p->early; c = c->next_sibling) {
		pid_t wanted = need(c);
		if (wanted && wanted != p->task->pid && was_in(pl, p, c, wanted))
			p->early = wanted;
	}
}

/* Children before parents: against the order of the walk. */
static void demand_all(struct planner *pl)
{
	struct place **walk = arena_alloc(pl->arena, pl->n * sizeof(struct place *));
	for (size_t i = 0; i < pl->n; i++)
		walk[pl->places[i].enter] = &pl->places[i];
	for (size_t i = pl->n; i-- > 0;)
		demand_early(pl, walk[i]);
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

/* A number that nobody has in any namespace. */
static pid_t spare_number(struct planner *pl)
{
	uint64_t candidate;
	do {
		candidate = (uint64_t)pl->next_helper++;
	} while (bsearch(&candidate, pl->used, pl->n_used, sizeof(uint64_t), compare_numbers));
	return (pid_t)candidate;
}

/* A helper in as many namespaces as `like`. */
static struct birth *new_helper(struct planner *pl, const struct u64s *like)
{
	struct birth *b = arena_alloc(pl->arena, sizeof(*b));
	b->pid = spare_number(pl);
	b->pids.n = like->n;
	b->pids.v = arena_alloc(pl->arena, like->n * sizeof(uint64_t));
	for (size_t i = 0; i < like->n; i++)
		b->pids.v[i] = (uint64_t)b->pid;
	pl->tree->n_helpers++;
	return b;
}

/* The stand-in for a dead leader: it has the leader's numbers, as far as a member in `seen` tells them. */
static struct birth *new_standin(struct planner *pl, pid_t id, const struct u64s *like,
				 const struct u64s *seen)
{
	struct birth *b = new_helper(pl, like);
	b->pid = id;
	for (size_t i = 0; i < like->n; i++)
		if (club_number(seen, id, i))
			b->pids.v[i] = (uint64_t)club_number(seen, id, i);
	return b;
}

/* Who becomes the parent of what a dead child of p leaves. */
static const struct place *reaper_of(const struct place *p)
{
	while (p->parent && !p->birth->adopts && !p->birth->new_pidns)
		p = p->parent;
	return p;
}

/* Whose children are born in the session: a child of its leader, dead or alive, which dies when they are born. */
static int session_helper(struct planner *pl, struct club *s, const struct place *p)
{
	const struct place *parent = p->parent;
	if (s->helper)
		return 0;
	if (s->leader) {
		s->helper = new_helper(pl, &s->leader->task->pids);
		adopt_child(pl, s->leader->birth, s->helper, false);
		return 0;
	}
	if (!club_number(&p->task->sids, s->id, parent->task->pids.n - 1))
		return impossible(pl, p->task,
				  "its session was led from outside of its pid namespace, "
				  "and its leader is dead",
				  "end it first");
	s->helper = new_standin(pl, s->id, &parent->task->pids, &p->task->sids);
	s->helper->setsid = true;
	adopt_child(pl, parent->birth, s->helper, false);
	return 0;
}

/* Whether the process is born in its parent's namespace, or one below, by another who is in it. */
static bool same_level(const struct birth *forker, const struct place *p)
{
	return forker->pids.n + p->birth->new_pidns == p->task->pids.n;
}

/* A task that cannot be born of its parent in its session: through its session's leader, dead or alive. */
static int place_orphan(struct planner *pl, struct place *p, pid_t session)
{
	struct club *s = club_session(pl, session);
	p->parent->birth->adopts = p->parent->parent && !p->parent->birth->new_pidns;
	int r = session_helper(pl, s, p);
	if (r < 0)
		return r;
	if (!same_level(s->helper, p))
		return impossible(pl, p->task, "its session is led from another pid namespace",
				  "end it first");
	adopt_child(pl, s->helper, p->birth, false);
	p->birth->orphaned = true;
	return 0;
}

/* When all who adopt are known: the orphan's real parent is the one who gets it. */
static int check_orphan(struct planner *pl, struct place *p)
{
	if (!p->birth->orphaned)
		return 0;
	const struct birth *from = p->birth->forker->forker;
	const struct place *leader = planner_find(pl, from->pid);
	if (reaper_of(leader) == p->parent)
		return 0;
	return impossible(pl, p->task, "another process would adopt it than has adopted it",
			  "end it first");
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
	if (parent->early == session) {
		adopt_child(pl, parent->birth, p->birth, true);
		return 0;
	}
	return place_orphan(pl, p, session);
}

/* ---- groups ---- */

static bool born_early(const struct birth *b)
{
	const struct birth *f = b->forker;
	for (size_t i = 0; i < f->n_early; i++)
		if (f->children[i] == b)
			return true;
	return false;
}

/* Leaders that must make their group though they are in another by now; stand-ins for dead ones. */
static void lead_group(struct planner *pl, struct club *g)
{
	if (g->leader) {
		struct birth *b = g->leader->birth;
		b->makes_group = !b->setsid;
		b->joins_late = g->leader->task->pgrp != g->id;
		pl->tree->n_late += b->joins_late;
		return;
	}
	const struct club *s = club_session(pl, g->id);
	if (s) { /* the session's stand-in */
		g->helper = s->helper;
		return;
	}
	/* its forker is a member, or who forked that in the leader's namespace; in the group's session at any rate */
	const struct task_record *member = g->outmost->task;
	struct birth *forker = g->outmost->birth;
	bool early = false;
	while (!club_number(&member->pgrps, g->id, forker->pids.n - 1)) {
		early = born_early(forker);
		forker = forker->forker;
	}
	g->helper = new_standin(pl, g->id, &forker->pids, &member->pgrps);
	g->helper->makes_group = true;
	adopt_child(pl, forker, g->helper, early);
}

/* The group that a birth finds itself in. */
static pid_t birth_group(const struct birth *b)
{
	for (const struct birth *f = b->forker; f; b = f, f = f->forker)
		if (!f->forker || ((f->makes_group || f->setsid) && !born_early(b)))
			return f->pid;
	return b->pid;
}

/* Leaving its own group, a leader needs another to keep the group that it joins alive until then. */
static void keep_group(struct planner *pl, struct place *p, struct club *g)
{
	if (!p->birth->joins_late || g->steady || g->helper)
		return;
	struct birth *b = new_helper(pl, &p->task->pids);
	b->joins = p->birth->joins;
	adopt_child(pl, p->birth, b, false);
	g->helper = b;
}

static int place_group(struct planner *pl, struct place *p)
{
	struct birth *b = p->birth;
	pid_t group = p->task->pgrp;
	if (group == b->pid || (birth_group(b) == group && !b->makes_group))
		return 0;
	struct club *g = club_group(pl, group);
	const struct u64s *numbers = g->leader ? &g->leader->task->pids : &g->helper->pids;
	size_t own = b->pids.n - 1;
	if (own < numbers->n && club_number(&p->task->pgrps, group, own)) {
		b->joins = (pid_t)numbers->v[own];
		keep_group(pl, p, g);
		return 0;
	}
	if (!b->new_pidns || own > numbers->n || b->makes_group || born_early(b) ||
	    !club_number(&p->task->pgrps, group, own - 1))
		return impossible(pl, p->task,
				  "its process group is led from outside of its pid namespace",
				  "start it in a session of its own: setsid(1)");
	b->forker_joins = (pid_t)numbers->v[own - 1];
	return 0;
}

/* A group that is not seen from its namespace can only be inherited: before the forker makes its own. */
static void inherit_groups(struct planner *pl)
{
	for (size_t i = 0; i < pl->tree->n; i++) {
		struct birth *b = pl->tree->v[i], *f = b->forker;
		if (!b->task || !f || !f->makes_group || f->setsid ||
		    club_number(&b->task->pgrps, b->task->pgrp, b->pids.n - 1) ||
		    birth_group(f) != b->task->pgrp)
			continue;
		size_t at = 0;
		while (f->children[at] != b)
			at++;
		memmove(f->children + f->n_early + 1, f->children + f->n_early,
			(at - f->n_early) * sizeof(struct birth *));
		f->children[f->n_early++] = b;
	}
}

static int place_groups(struct planner *pl)
{
	for (size_t i = 0; i < pl->n_groups; i++)
		lead_group(pl, &pl->groups[i]);
	for (size_t i = 0; i < pl->n; i++)
		if (!pl->places[i].birth->joins_late)
			club_group(pl, pl->places[i].task->pgrp)->steady = true;
	inherit_groups(pl);
	int r = 0;
	for (size_t i = 0; i < pl->n && r == 0; i++)
		r = place_group(pl, &pl->places[i]);
	return r;
}

/* ---- order ---- */

static void list_births(struct planner *pl)
{
	struct tree *t = pl->tree;
	t->v = NULL;
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
	if (r == 0)
		r = clubs_load(&pl);
	if (r < 0)
		return r;
	demand_all(&pl);
	for (size_t i = 0; i < n && r == 0; i++)
		r = place_one(&pl, &pl.places[i]);
	for (size_t i = 0; i < n && r == 0; i++)
		r = check_orphan(&pl, &pl.places[i]);
	if (r < 0)
		return r;
	list_births(&pl);
	if (ret->n != n + ret->n_helpers)
		return error_set(err, EBADMSG, "sessions that depend on each other in a circle");
	r = place_groups(&pl);
	if (r < 0)
		return r;
	ret->spare = spare_number(&pl);
	list_births(&pl);
	return 0;
}
