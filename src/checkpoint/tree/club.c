/* SPDX-License-Identifier: Apache-2.0 */
/* club.c - the sessions and groups that the tasks are in. See planner.h. */
#include <stdlib.h>

#include "checkpoint/tree/planner.h"

static int compare_clubs(const void *a, const void *b)
{
	const struct club *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static struct club *find_club(struct club *clubs, size_t n, pid_t id)
{
	struct club key = { .id = id };
	return bsearch(&key, clubs, n, sizeof(key), compare_clubs);
}

struct club *club_session(const struct planner *pl, pid_t sid)
{
	return find_club(pl->sessions, pl->n_sessions, sid);
}

struct club *club_group(const struct planner *pl, pid_t pgrp)
{
	return find_club(pl->groups, pl->n_groups, pgrp);
}

static void meet_member(struct club *club, struct place *p)
{
	if (!club->outmost || p->enter < club->first)
		club->first = p->enter;
	if (!club->outmost || p->enter > club->last)
		club->last = p->enter;
	if (!club->outmost || p->task->pids.n < club->outmost->task->pids.n)
		club->outmost = p;
}

static struct club *new_clubs(const struct planner *pl, bool groups, size_t *ret_n)
{
	struct club *clubs = arena_alloc(pl->arena, pl->n * sizeof(*clubs));
	size_t n = 0;
	for (size_t i = 0; i < pl->n; i++)
		clubs[i].id = groups ? pl->places[i].task->pgrp : pl->places[i].task->sid;
	qsort(clubs, pl->n, sizeof(*clubs), compare_clubs);
	for (size_t i = 0; i < pl->n; i++)
		if (n == 0 || clubs[n - 1].id != clubs[i].id)
			clubs[n++].id = clubs[i].id;
	for (size_t i = 0; i < n; i++)
		clubs[i].leader = planner_find(pl, clubs[i].id);
	for (size_t i = 0; i < pl->n; i++) {
		const struct task_record *t = pl->places[i].task;
		meet_member(find_club(clubs, n, groups ? t->pgrp : t->sid), &pl->places[i]);
	}
	*ret_n = n;
	return clubs;
}

int clubs_load(struct planner *pl)
{
	pl->sessions = new_clubs(pl, false, &pl->n_sessions);
	pl->groups = new_clubs(pl, true, &pl->n_groups);
	for (size_t i = 0; i < pl->n_sessions; i++) {
		const struct club *s = &pl->sessions[i];
		if (s->leader && !s->leader->birth->setsid)
			return planner_bad(pl, s->outmost->task,
					   "its session is not led by the task of that number");
	}
	for (size_t i = 0; i < pl->n; i++) {
		const struct task_record *t = pl->places[i].task;
		const struct club *g = club_group(pl, t->pgrp);
		const struct task_record *other = g->leader ? g->leader->task : g->outmost->task;
		if (other->sid != t->sid || (t->sid != t->pgrp && club_session(pl, t->pgrp)))
			return planner_bad(pl, t, "its group belongs to another session");
	}
	return 0;
}

/* The number of a session or group in the k-th namespace of t, which may see it no more. */
pid_t club_number(const struct u64s *levels, pid_t id, size_t k)
{
	return k == 0 ? id : k < levels->n ? (pid_t)levels->v[k] : 0;
}
